"""Options, invitations, letter, second step of the sign-in, messages, mails in number, courses, grids, admissions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "202611221229"
down_revision = "202611220928"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "mail_line",
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fault", sa.String(length=30), nullable=True),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail_line")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "letter_text",
        sa.Column("language", sa.String(length=20), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("opening", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("closing", sa.Text(), nullable=False),
        sa.Column("sign_off", sa.Text(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_letter_text_school_id_school"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_letter_text")),
        sa.UniqueConstraint("school_id", "language", name=op.f("uq_letter_text_school_id_language")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("letter_text", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_letter_text_school_id"), ["school_id"], unique=False)

    op.create_table(
        "recovery_code",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("code_hash", sa.String(length=200), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_recovery_code_user_id_user"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_code")),
        sa.UniqueConstraint("code_hash", name=op.f("uq_recovery_code_code_hash")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("recovery_code", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_recovery_code_user_id"), ["user_id"], unique=False)

    op.create_table(
        "setting",
        sa.Column("key", sa.String(length=60), nullable=False),
        sa.Column("value", sa.String(length=60), nullable=True),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["user.id"], name=op.f("fk_setting_by_id_user"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_setting_school_id_school"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_setting")),
        sa.UniqueConstraint("school_id", "key", name=op.f("uq_setting_school_id_key")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("setting", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_setting_school_id"), ["school_id"], unique=False)

    op.create_table(
        "two_factor",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.String(length=200), nullable=False),
        sa.Column("last_step", sa.Integer(), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_two_factor_user_id_user"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_two_factor")),
        sa.UniqueConstraint("user_id", name=op.f("uq_two_factor_user_id")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "course",
        sa.Column("number", sa.String(length=20), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("discipline", sa.String(length=200), nullable=False),
        sa.Column("official_number", sa.String(length=30), nullable=False),
        sa.Column("sobec_number", sa.String(length=30), nullable=False),
        sa.Column("objective", sa.String(length=30), nullable=False),
        sa.Column("unit_thirds", sa.Integer(), nullable=True),
        sa.Column("weekly_hours", sa.Integer(), nullable=True),
        sa.Column("category_id", sa.Integer(), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("extra", sa.JSON(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["category_id"], ["code_value.id"], name=op.f("fk_course_category_id_code_value"), ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_course_school_id_school"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_course")),
        sa.UniqueConstraint("school_id", "number", name=op.f("uq_course_school_id_number")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("course", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_course_category_id"), ["category_id"], unique=False)
        batch_op.create_index("ix_course_official", ["school_id", "official_number"], unique=False)
        batch_op.create_index(batch_op.f("ix_course_school_id"), ["school_id"], unique=False)
        batch_op.create_index("ix_course_school_title", ["school_id", "title", "id"], unique=False)

    op.create_table(
        "grid",
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("programme_id", sa.Integer(), nullable=False),
        sa.Column("org_unit_id", sa.Integer(), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("extra", sa.JSON(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["org_unit_id"], ["org_unit.id"], name=op.f("fk_grid_org_unit_id_org_unit"), ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["programme_id"], ["programme.id"], name=op.f("fk_grid_programme_id_programme"), ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_grid_school_id_school"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grid")),
        sa.UniqueConstraint("school_id", "code", name=op.f("uq_grid_school_id_code")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("grid", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_grid_org_unit_id"), ["org_unit_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_grid_programme_id"), ["programme_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_grid_school_id"), ["school_id"], unique=False)

    op.create_table(
        "mail_test",
        sa.Column("requested_by_id", sa.Integer(), nullable=True),
        sa.Column("job_id", sa.Integer(), nullable=True),
        sa.Column("to_address", sa.String(length=200), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("steps", sa.JSON(), nullable=False),
        sa.Column("fault", sa.String(length=30), nullable=True),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_mail_test_job_id_job"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["requested_by_id"], ["user.id"], name=op.f("fk_mail_test_requested_by_id_user"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_mail_test_school_id_school"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail_test")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("mail_test", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_mail_test_job_id"), ["job_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_mail_test_requested_by_id"), ["requested_by_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_mail_test_school_id"), ["school_id"], unique=False)

    op.create_table(
        "message",
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("to_whom", sa.String(length=30), nullable=False),
        sa.Column("audience", sa.JSON(), nullable=False),
        sa.Column("requested_by_id", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(length=30), nullable=False),
        sa.Column("sender", sa.String(length=200), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("copies", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_message_job_id_job"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["requested_by_id"], ["user.id"], name=op.f("fk_message_requested_by_id_user"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_message_school_id_school"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.create_index("ix_message_author", ["requested_by_id", "school_id", "sent_at"], unique=False)
        batch_op.create_index("ix_message_school", ["school_id", "state", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_message_school_id"), ["school_id"], unique=False)

    op.create_table(
        "admission",
        sa.Column("student_id", sa.Integer(), nullable=False),
        sa.Column("programme_id", sa.Integer(), nullable=False),
        sa.Column("grid_id", sa.Integer(), nullable=True),
        sa.Column("org_unit_id", sa.Integer(), nullable=True),
        sa.Column("term_id", sa.Integer(), nullable=True),
        sa.Column("status", sa.String(length=30), nullable=False),
        sa.Column("applied_on", sa.Date(), nullable=True),
        sa.Column("admitted_on", sa.Date(), nullable=True),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("sanctioned_on", sa.Date(), nullable=True),
        sa.Column("previous_studies", sa.Text(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("extra", sa.JSON(), server_default=sa.text("'{}'"), nullable=False),
        sa.ForeignKeyConstraint(["grid_id"], ["grid.id"], name=op.f("fk_admission_grid_id_grid"), ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["org_unit_id"], ["org_unit.id"], name=op.f("fk_admission_org_unit_id_org_unit"), ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["programme_id"], ["programme.id"], name=op.f("fk_admission_programme_id_programme"), ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_admission_school_id_school"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["student_id"], ["student.id"], name=op.f("fk_admission_student_id_student"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["term_id"], ["term.id"], name=op.f("fk_admission_term_id_term"), ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_admission")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("admission", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_admission_grid_id"), ["grid_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_admission_org_unit_id"), ["org_unit_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_admission_programme_id"), ["programme_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_admission_school_id"), ["school_id"], unique=False)
        batch_op.create_index("ix_admission_school_status", ["school_id", "status", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_admission_student_id"), ["student_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_admission_term_id"), ["term_id"], unique=False)

    op.create_table(
        "grid_course",
        sa.Column("grid_id", sa.Integer(), nullable=False),
        sa.Column("course_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["course_id"], ["course.id"], name=op.f("fk_grid_course_course_id_course"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["grid_id"], ["grid.id"], name=op.f("fk_grid_course_grid_id_grid"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("grid_id", "course_id", name=op.f("pk_grid_course")),
    )
    with op.batch_alter_table("grid_course", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_grid_course_course_id"), ["course_id"], unique=False)

    op.create_table(
        "message_file",
        sa.Column("message_id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("mimetype", sa.String(length=200), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name=op.f("fk_message_file_message_id_message"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_message_file_school_id_school"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message_file")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("message_file", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_message_file_message_id"), ["message_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_message_file_school_id"), ["school_id"], unique=False)

    op.create_table(
        "message_recipient",
        sa.Column("message_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("student_id", sa.Integer(), nullable=False),
        sa.Column("guardian_id", sa.Integer(), nullable=True),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("mail_id", sa.Integer(), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["guardian_id"], ["guardian.id"], name=op.f("fk_message_recipient_guardian_id_guardian"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["mail_id"], ["outgoing_mail.id"], name=op.f("fk_message_recipient_mail_id_outgoing_mail"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name=op.f("fk_message_recipient_message_id_message"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_message_recipient_school_id_school"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["student_id"], ["student.id"], name=op.f("fk_message_recipient_student_id_student"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_message_recipient_user_id_user"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message_recipient")),
        sa.UniqueConstraint("message_id", "user_id", "student_id", name=op.f("uq_message_recipient_message_id_user_id_student_id")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("message_recipient", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_message_recipient_guardian_id"), ["guardian_id"], unique=False)
        batch_op.create_index("ix_message_recipient_inbox", ["user_id", "read_at", "message_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_message_recipient_mail_id"), ["mail_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_message_recipient_school_id"), ["school_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_message_recipient_student_id"), ["student_id"], unique=False)

    op.create_table(
        "rac_group",
        sa.Column("course_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(length=10), nullable=False),
        sa.Column("rac_type_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["course_id"], ["course.id"], name=op.f("fk_rac_group_course_id_course"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["rac_type_id"], ["code_value.id"], name=op.f("fk_rac_group_rac_type_id_code_value"), ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_rac_group_school_id_school"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rac_group")),
        sa.UniqueConstraint("school_id", "course_id", "number", name=op.f("uq_rac_group_school_id_course_id_number")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("rac_group", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_rac_group_course_id"), ["course_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_rac_group_rac_type_id"), ["rac_type_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_rac_group_school_id"), ["school_id"], unique=False)

    op.create_table(
        "invitation",
        sa.Column("student_id", sa.Integer(), nullable=False),
        sa.Column("code_id", sa.Integer(), nullable=False),
        sa.Column("requested_by_id", sa.Integer(), nullable=True),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("language", sa.String(length=10), nullable=False),
        sa.Column("held", sa.String(length=30), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["code_id"], ["activation_code.id"], name=op.f("fk_invitation_code_id_activation_code"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["requested_by_id"], ["user.id"], name=op.f("fk_invitation_requested_by_id_user"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_invitation_school_id_school"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["student_id"], ["student.id"], name=op.f("fk_invitation_student_id_student"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation")),
        sa.UniqueConstraint("code_id", name=op.f("uq_invitation_code_id")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("invitation", schema=None) as batch_op:
        batch_op.create_index("ix_invitation_email", ["school_id", "email", "created_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_invitation_requested_by_id"), ["requested_by_id"], unique=False)
        batch_op.create_index("ix_invitation_school", ["school_id", "created_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_invitation_school_id"), ["school_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_invitation_student_id"), ["student_id"], unique=False)

    with op.batch_alter_table("outgoing_mail", schema=None) as batch_op:
        batch_op.add_column(sa.Column("html", sa.Text(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("bulk", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("handed", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("trouble", sa.String(length=30), nullable=True))
        batch_op.drop_index(batch_op.f("ix_outgoing_mail_queue"))
        batch_op.create_index("ix_outgoing_mail_queue", ["state", "bulk", "next_try_at", "id"], unique=False)

    # A mail that was being sent counts as perhaps sent.
    op.execute("UPDATE outgoing_mail SET handed = true WHERE state = 'sending'")

    # The life of a code becomes an option; what a school had chosen is kept.
    op.execute(
        "INSERT INTO setting (school_id, key, value, version, created_at, updated_at)"
        " SELECT id, 'code_days', CAST(code_days AS VARCHAR(60)), 1, CURRENT_TIMESTAMP, CURRENT_TIMESTAMP FROM school WHERE code_days <> 180"
    )
    with op.batch_alter_table("school", schema=None) as batch_op:
        batch_op.drop_column("code_days")


def downgrade() -> None:
    """Refused: going back would lose what was written since. Restore the backup that `flask upgrade` made."""
    raise NotImplementedError("restore the backup instead")
