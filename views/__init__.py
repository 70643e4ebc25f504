"""The door for people: each domain registers its screens and pages here."""

from __future__ import annotations

from importlib import import_module

from flask import Flask
from flask_admin import Admin

DOMAINS = (
    *("people", "papers", "messages", "activation", "letter", "access_data", "access", "rights", "school", "studies", "courses", "admissions", "reminders"),
    *("session_records", "enrolments"),
    *("session_file", "school_year", "custom_screen", "imports", "transfers", "labels", "work", "mails", "journal", "portal", "student_portal", "inbox"),
    *("school_settings", "settings", "guardian_invitations", "student_invite"),
)


def register_all(app: Flask, admin: Admin) -> None:
    """Register every domain, in the order of the menu."""
    for name in DOMAINS:
        import_module(f"views.{name}").register(app, admin)
