"""The door for the clock and for files: mail, paper, spreadsheets, backups, the demonstration, the commands."""
