-- Answers under idempotency keys are forgotten when their time is over, oldest first.
CREATE INDEX answers_by_age ON answers (created_at);
