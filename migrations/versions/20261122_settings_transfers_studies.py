"""School settings, programmes, terms, school years, code lists, transfers, languages of a school, sources of imports."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "202611220928"
down_revision = "202611220815"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "code_value",
        sa.Column("code_list", sa.String(length=30), nullable=False),
        sa.Column("code", sa.String(length=20), nullable=False),
        sa.Column("label", sa.String(length=120), nullable=False),
        sa.Column("help", sa.String(length=400), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=30), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("extra", sa.JSON(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_code_value_school_id_school"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_code_value")),
        sa.UniqueConstraint("school_id", "code_list", "code", name=op.f("uq_code_value_school_id_code_list_code")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("code_value", schema=None) as batch_op:
        batch_op.create_index("ix_code_value_order", ["school_id", "code_list", "rank", "code"], unique=False)
        batch_op.create_index(batch_op.f("ix_code_value_school_id"), ["school_id"], unique=False)

    op.create_table(
        "org_unit",
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("extra", sa.JSON(), server_default=sa.text("'{}'"), nullable=False),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_org_unit_school_id_school"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_org_unit")),
        sa.UniqueConstraint("school_id", "code", name=op.f("uq_org_unit_school_id_code")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("org_unit", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_org_unit_school_id"), ["school_id"], unique=False)

    op.create_table(
        "programme",
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("short_title", sa.String(length=60), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("extra", sa.JSON(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_programme_school_id_school"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_programme")),
        sa.UniqueConstraint("school_id", "code", name=op.f("uq_programme_school_id_code")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("programme", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_programme_school_id"), ["school_id"], unique=False)
        batch_op.create_index("ix_programme_school_title", ["school_id", "title", "id"], unique=False)

    op.create_table(
        "school_language",
        sa.Column("language", sa.String(length=10), nullable=False),
        sa.Column("fallback", sa.String(length=10), nullable=False),
        sa.Column("mark", sa.String(length=64), nullable=False),
        sa.Column("texts", sa.Text(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_school_language_school_id_school"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_school_language")),
        sa.UniqueConstraint("school_id", "language", name=op.f("uq_school_language_school_id_language")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("school_language", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_school_language_school_id"), ["school_id"], unique=False)

    op.create_table(
        "school_year",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("begins_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("current", sa.Boolean(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("extra", sa.JSON(), server_default=sa.text("'{}'"), nullable=False),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_school_year_school_id_school"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_school_year")),
        sa.UniqueConstraint("school_id", "name", name=op.f("uq_school_year_school_id_name")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("school_year", schema=None) as batch_op:
        batch_op.create_index("ix_school_year_begins", ["school_id", "begins_on"], unique=False)
        batch_op.create_index(batch_op.f("ix_school_year_school_id"), ["school_id"], unique=False)

    op.create_table(
        "term",
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("season", sa.String(length=30), nullable=False),
        sa.Column("begins_on", sa.Date(), nullable=True),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("extra", sa.JSON(), server_default=sa.text("'{}'"), nullable=False),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_term_school_id_school"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_term")),
        sa.UniqueConstraint("school_id", "year", "season", name=op.f("uq_term_school_id_year_season")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("term", schema=None) as batch_op:
        batch_op.create_index("ix_term_place", ["school_id", "place"], unique=False)
        batch_op.create_index(batch_op.f("ix_term_school_id"), ["school_id"], unique=False)

    op.create_table(
        "transfer",
        sa.Column("direction", sa.String(length=30), nullable=False),
        sa.Column("status", sa.String(length=30), nullable=False),
        sa.Column("other_code", sa.String(length=200), nullable=False),
        sa.Column("other_name", sa.String(length=200), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("people", sa.JSON(), nullable=False),
        sa.Column("token", sa.String(length=32), nullable=False),
        sa.Column("reference", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("leave", sa.Boolean(), nullable=False),
        sa.Column("inside", sa.Boolean(), nullable=False),
        sa.Column("left_here", sa.JSON(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("file_key", sa.String(length=200), nullable=False),
        sa.Column("secret", sa.String(length=200), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=True),
        sa.Column("import_id", sa.Integer(), nullable=True),
        sa.Column("requested_by_id", sa.Integer(), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["import_id"], ["import.id"], name=op.f("fk_transfer_import_id_import"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_transfer_job_id_job"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["requested_by_id"], ["user.id"], name=op.f("fk_transfer_requested_by_id_user"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_transfer_school_id_school"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfer")),
        sa.UniqueConstraint("school_id", "direction", "token", name=op.f("uq_transfer_school_id_direction_token")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("transfer", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_transfer_import_id"), ["import_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_transfer_requested_by_id"), ["requested_by_id"], unique=False)
        batch_op.create_index("ix_transfer_school", ["school_id", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_transfer_school_id"), ["school_id"], unique=False)
        batch_op.create_index("ix_transfer_token", ["token"], unique=False)

    with op.batch_alter_table("import", schema=None) as batch_op:
        batch_op.add_column(sa.Column("partial", sa.Boolean(), nullable=False, server_default=sa.false()))

    with op.batch_alter_table("import_file", schema=None) as batch_op:
        batch_op.add_column(sa.Column("part", sa.String(length=200), nullable=False, server_default=""))

    with op.batch_alter_table("level", schema=None) as batch_op:
        batch_op.add_column(sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True))

    with op.batch_alter_table("school", schema=None) as batch_op:
        batch_op.add_column(sa.Column("website", sa.String(length=200), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("support_phone", sa.String(length=200), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("siret", sa.String(length=14), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("dpo_name", sa.String(length=200), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("dpo_email", sa.String(length=200), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("sales_email", sa.String(length=200), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("register_reference", sa.String(length=200), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("transfers_on", sa.Boolean(), nullable=False, server_default=sa.false()))

    with op.batch_alter_table("student", schema=None) as batch_op:
        batch_op.add_column(sa.Column("source_ref", sa.String(length=200), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("programme_id", sa.Integer(), nullable=True))
        batch_op.create_index(batch_op.f("ix_student_programme_id"), ["programme_id"], unique=False)
        batch_op.create_index("ix_student_school_programme", ["school_id", "programme_id", "status"], unique=False)
        batch_op.create_foreign_key(batch_op.f("fk_student_programme_id_programme"), "programme", ["programme_id"], ["id"], ondelete="RESTRICT")

    with op.batch_alter_table("student_group", schema=None) as batch_op:
        batch_op.add_column(sa.Column("long_name", sa.String(length=200), nullable=False, server_default=""))


def downgrade() -> None:
    """Refused: going back would lose what was written since. Restore the backup that `flask upgrade` made."""
    raise NotImplementedError("restore the backup instead")
