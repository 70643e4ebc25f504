"""History with values, undo and trash, rights, custom fields, saved views, papers, corrections of imports."""

from __future__ import annotations

import re
import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "202611220653"
down_revision = "202611220001"
branch_labels = None
depends_on = None


_SPECIAL = str.maketrans(
    {"œ": "oe", "Œ": "oe", "æ": "ae", "Æ": "ae", "ß": "ss", "ł": "l", "Ł": "l", "đ": "d", "Đ": "d", "ø": "o", "Ø": "o", "ı": "i", "’": "'"}
)


def _key(family_name: str, given_name: str) -> str:
    """The words of a name in alphabetical order, folded, as models/names.py did on the day of this migration."""
    plain = unicodedata.normalize("NFD", f"{family_name} {given_name}".translate(_SPECIAL))
    folded = "".join(c for c in plain if not unicodedata.combining(c)).lower()
    return " ".join(sorted(re.sub(r"[-'.‐‑–]", " ", folded).split()))


def _name_keys(table: str) -> None:
    """Give the people who are there the key that tells doubles."""
    connection = op.get_bind()
    people = sa.table(table, sa.column("id"), sa.column("family_name"), sa.column("given_name"), sa.column("name_key"))
    last = 0
    while some := connection.execute(
        sa.select(people.c.id, people.c.family_name, people.c.given_name).where(people.c.id > last).order_by(people.c.id).limit(1000)
    ).all():
        last = some[-1].id
        connection.execute(
            sa.update(people).where(people.c.id == sa.bindparam("row")).values(name_key=sa.bindparam("key")),
            [{"row": row.id, "key": _key(row.family_name, row.given_name)} for row in some],
        )


def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "column_mapping",
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("mark", sa.String(length=200), nullable=False),
        sa.Column("headings", sa.JSON(), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_column_mapping_school_id_school"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_column_mapping")),
        sa.UniqueConstraint("school_id", "mark", "kind", name=op.f("uq_column_mapping_school_id_mark_kind")),
    )
    with op.batch_alter_table("column_mapping", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_column_mapping_school_id"), ["school_id"], unique=False)

    op.create_table(
        "custom_field",
        sa.Column("table_name", sa.String(length=60), nullable=False),
        sa.Column("key", sa.String(length=60), nullable=False),
        sa.Column("label", sa.String(length=80), nullable=False),
        sa.Column("help", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("choices", sa.JSON(), nullable=False),
        sa.Column("required", sa.Boolean(), nullable=False),
        sa.Column("in_list", sa.Boolean(), nullable=False),
        sa.Column("in_form", sa.Boolean(), nullable=False),
        sa.Column("in_export", sa.Boolean(), nullable=False),
        sa.Column("in_import", sa.Boolean(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_custom_field_school_id_school"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_custom_field")),
        sa.UniqueConstraint("school_id", "table_name", "key", name=op.f("uq_custom_field_school_id_table_name_key")),
    )
    with op.batch_alter_table("custom_field", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_custom_field_school_id"), ["school_id"], unique=False)

    op.create_table(
        "journal_change",
        sa.Column("school_id", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("batch", sa.String(length=200), nullable=False),
        sa.Column("table_name", sa.String(length=200), nullable=False),
        sa.Column("row_id", sa.Integer(), nullable=False),
        sa.Column("field", sa.String(length=200), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("before", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("after", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_journal_change_school_id_school"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journal_change")),
    )
    with op.batch_alter_table("journal_change", schema=None) as batch_op:
        batch_op.create_index("ix_journal_change_at", ["at"], unique=False)
        batch_op.create_index("ix_journal_change_batch", ["batch", "table_name", "row_id"], unique=False)
        batch_op.create_index("ix_journal_change_row", ["table_name", "row_id"], unique=False)
        batch_op.create_index("ix_journal_change_trash", ["school_id", "field", "at"], unique=False)

    op.create_table(
        "right_override",
        sa.Column("role", sa.String(length=30), nullable=False),
        sa.Column("table", sa.String(length=200), nullable=False),
        sa.Column("verb", sa.String(length=200), nullable=False),
        sa.Column("granted", sa.Boolean(), nullable=True),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["user.id"], name=op.f("fk_right_override_by_id_user"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_right_override_school_id_school"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_right_override")),
        sa.UniqueConstraint("school_id", "role", "table", "verb", name=op.f("uq_right_override_school_id_role_table_verb")),
    )
    with op.batch_alter_table("right_override", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_right_override_school_id"), ["school_id"], unique=False)

    op.create_table(
        "saved_view",
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("table_name", sa.String(length=60), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("query", sa.String(length=4000), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["user.id"], name=op.f("fk_saved_view_owner_id_user"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_saved_view_school_id_school"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_view")),
        sa.UniqueConstraint("school_id", "owner_id", "table_name", "name", name=op.f("uq_saved_view_school_id_owner_id_table_name_name")),
    )
    with op.batch_alter_table("saved_view", schema=None) as batch_op:
        batch_op.create_index("ix_saved_view_list", ["school_id", "table_name"], unique=False)
        batch_op.create_index(batch_op.f("ix_saved_view_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_saved_view_school_id"), ["school_id"], unique=False)

    op.create_table(
        "bulk_edit",
        sa.Column("table_name", sa.String(length=200), nullable=False),
        sa.Column("field", sa.String(length=200), nullable=False),
        sa.Column("value", sa.JSON(), nullable=True),
        sa.Column("rows", sa.JSON(), nullable=False),
        sa.Column("requested_by_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("job_id", sa.Integer(), nullable=True),
        sa.Column("batch", sa.String(length=200), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("left_count", sa.Integer(), nullable=False),
        sa.Column("left", sa.JSON(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_bulk_edit_job_id_job"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["requested_by_id"], ["user.id"], name=op.f("fk_bulk_edit_requested_by_id_user"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_bulk_edit_school_id_school"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulk_edit")),
    )
    with op.batch_alter_table("bulk_edit", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_bulk_edit_created_at"), ["created_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_bulk_edit_job_id"), ["job_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_bulk_edit_requested_by_id"), ["requested_by_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_bulk_edit_school_id"), ["school_id"], unique=False)

    op.create_table(
        "guardians_apart",
        sa.Column("first_id", sa.Integer(), nullable=False),
        sa.Column("second_id", sa.Integer(), nullable=False),
        sa.Column("said_by_id", sa.Integer(), nullable=True),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["first_id"], ["guardian.id"], name=op.f("fk_guardians_apart_first_id_guardian"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["said_by_id"], ["user.id"], name=op.f("fk_guardians_apart_said_by_id_user"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_guardians_apart_school_id_school"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["second_id"], ["guardian.id"], name=op.f("fk_guardians_apart_second_id_guardian"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_guardians_apart")),
        sa.UniqueConstraint("first_id", "second_id", name=op.f("uq_guardians_apart_first_id_second_id")),
    )
    with op.batch_alter_table("guardians_apart", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_guardians_apart_said_by_id"), ["said_by_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_guardians_apart_school_id"), ["school_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_guardians_apart_second_id"), ["second_id"], unique=False)

    op.create_table(
        "see_as",
        sa.Column("session_id", sa.Integer(), nullable=True),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("roles", sa.String(length=100), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["user.id"], name=op.f("fk_see_as_by_id_user"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_see_as_school_id_school"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["session_id"], ["web_session.id"], name=op.f("fk_see_as_session_id_web_session"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_see_as_user_id_user"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_see_as")),
        sa.UniqueConstraint("session_id", name=op.f("uq_see_as_session_id")),
    )
    op.create_table(
        "issued_paper",
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(length=200), nullable=False),
        sa.Column("student_id", sa.Integer(), nullable=True),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("issued_by_id", sa.Integer(), nullable=True),
        sa.Column("issued_by", sa.String(length=200), nullable=False),
        sa.Column("language", sa.String(length=200), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=True),
        sa.Column("printed_count", sa.Integer(), nullable=False),
        sa.Column("printed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["issued_by_id"], ["user.id"], name=op.f("fk_issued_paper_issued_by_id_user"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_issued_paper_school_id_school"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["student_id"], ["student.id"], name=op.f("fk_issued_paper_student_id_student"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_issued_paper")),
        sa.UniqueConstraint("school_id", "kind", "year", "number", name=op.f("uq_issued_paper_school_id_kind_year_number")),
    )
    with op.batch_alter_table("issued_paper", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_issued_paper_issued_by_id"), ["issued_by_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_issued_paper_job_id"), ["job_id"], unique=False)
        batch_op.create_index("ix_issued_paper_school", ["school_id", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_issued_paper_school_id"), ["school_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_issued_paper_student_id"), ["student_id"], unique=False)

    op.create_table(
        "students_apart",
        sa.Column("first_id", sa.Integer(), nullable=False),
        sa.Column("second_id", sa.Integer(), nullable=False),
        sa.Column("said_by_id", sa.Integer(), nullable=True),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["first_id"], ["student.id"], name=op.f("fk_students_apart_first_id_student"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["said_by_id"], ["user.id"], name=op.f("fk_students_apart_said_by_id_user"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_students_apart_school_id_school"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["second_id"], ["student.id"], name=op.f("fk_students_apart_second_id_student"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_students_apart")),
        sa.UniqueConstraint("first_id", "second_id", name=op.f("uq_students_apart_first_id_second_id")),
    )
    with op.batch_alter_table("students_apart", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_students_apart_said_by_id"), ["said_by_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_students_apart_school_id"), ["school_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_students_apart_second_id"), ["second_id"], unique=False)

    with op.batch_alter_table("guardian", schema=None) as batch_op:
        batch_op.add_column(sa.Column("name_key", sa.Text(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("extra", sa.JSON(), server_default=sa.text("'{}'"), nullable=False))
        batch_op.create_index("ix_guardian_school_town", ["school_id", "town", "id"], unique=False)
        batch_op.create_index(
            "ix_guardian_school_user",
            ["school_id", "user_id"],
            unique=False,
            sqlite_where=sa.text("user_id IS NOT NULL"),
            postgresql_where=sa.text("user_id IS NOT NULL"),
        )
        batch_op.create_index("ix_guardian_twin", ["school_id", "name_key", "phone_e164", "email"], unique=False)

    with op.batch_alter_table("guardian_link", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_guardian_link_status"))
        batch_op.create_index("ix_guardian_link_school_status", ["school_id", "status", "student_id"], unique=False)

    with op.batch_alter_table("import", schema=None) as batch_op:
        batch_op.add_column(sa.Column("places", sa.JSON(), nullable=False, server_default=sa.text("'[]'")))
        batch_op.add_column(sa.Column("revision", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("generation", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("to_create", sa.JSON(), nullable=False, server_default=sa.text("'{}'")))
        batch_op.add_column(sa.Column("decisions", sa.JSON(), nullable=False, server_default=sa.text("'{}'")))
        batch_op.add_column(sa.Column("keep_edits", sa.Boolean(), nullable=False, server_default=sa.true()))
        batch_op.add_column(sa.Column("batch", sa.String(length=200), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("undone_by", sa.String(length=200), nullable=False, server_default=""))
        batch_op.create_index(batch_op.f("ix_import_batch"), ["batch"], unique=False)
        batch_op.drop_column("ignored")

    with op.batch_alter_table("import_file", schema=None) as batch_op:
        batch_op.add_column(sa.Column("replacements", sa.JSON(), nullable=False, server_default=sa.text("'{}'")))
        batch_op.add_column(sa.Column("ignored", sa.JSON(), nullable=False, server_default=sa.text("'[]'")))
        batch_op.add_column(sa.Column("by_hand", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("remembered_at", sa.DateTime(timezone=True), nullable=True))

    with op.batch_alter_table("import_row", schema=None) as batch_op:
        batch_op.add_column(sa.Column("generation", sa.Integer(), nullable=False, server_default="1"))
        batch_op.add_column(sa.Column("asked", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("in_file", sa.JSON(), nullable=False, server_default=sa.text("'{}'")))
        batch_op.add_column(sa.Column("questions", sa.JSON(), nullable=False, server_default=sa.text("'[]'")))
        batch_op.create_index("ix_import_row_line", ["import_id", "line"], unique=False)

    with op.batch_alter_table("school", schema=None) as batch_op:
        batch_op.add_column(sa.Column("head_name", sa.String(length=200), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("head_title", sa.String(length=200), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("logo_digest", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("stamp_digest", sa.String(length=64), nullable=True))

    with op.batch_alter_table("student", schema=None) as batch_op:
        batch_op.add_column(sa.Column("name_key", sa.Text(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("extra", sa.JSON(), server_default=sa.text("'{}'"), nullable=False))
        batch_op.drop_index(batch_op.f("ix_student_name"))
        batch_op.drop_index(batch_op.f("ix_student_status"))
        batch_op.drop_index(batch_op.f("ix_student_school_status"))
        batch_op.create_index("ix_student_school_status", ["school_id", "status", "search_key", "id"], unique=False)
        batch_op.create_index("ix_student_school_born", ["school_id", "born_on", "id"], unique=False)
        batch_op.create_index("ix_student_school_homeroom", ["school_id", "homeroom_id", "status"], unique=False)
        batch_op.create_index("ix_student_school_level", ["school_id", "level_id", "status", "search_key", "id"], unique=False)
        batch_op.create_index("ix_student_twin", ["school_id", "name_key", "born_on"], unique=False)

    with op.batch_alter_table("student_group", schema=None) as batch_op:
        batch_op.add_column(sa.Column("extra", sa.JSON(), server_default=sa.text("'{}'"), nullable=False))
        batch_op.create_index("ix_student_group_category", ["school_id", "category", "name"], unique=False)

    for table in ("student", "guardian"):  # only those who have an account: few, at any size of the school
        op.drop_index(f"ix_{table}_user_id", table_name=table)
        op.create_index(f"ix_{table}_user_id", table, ["user_id"], sqlite_where=sa.text("user_id IS NOT NULL"), postgresql_where=sa.text("user_id IS NOT NULL"))
    if op.get_bind().dialect.name == "postgresql":  # beginnings are found by the index in no other order
        for table in ("student", "guardian"):
            op.execute(f'ALTER TABLE {table} ALTER COLUMN search_key TYPE TEXT COLLATE "C"')
    _name_keys("student")
    _name_keys("guardian")
    # The lines of imports under way are shown, and imports that were written can be undone.
    op.execute("UPDATE import SET generation = 1 WHERE status = 'checked'")
    op.execute("UPDATE import SET batch = 'job-' || job_id WHERE status = 'done' AND job_id IS NOT NULL")


def downgrade() -> None:
    """Refused: going back would lose what was written since. Restore the backup that `flask upgrade` made."""
    raise NotImplementedError("restore the backup instead")
