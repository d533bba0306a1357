-- Why its recipient gets it, where that is not `transactional`: most rows stay as narrow as they were.
ALTER TABLE notifications ADD COLUMN category TEXT;
