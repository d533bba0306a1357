-- Set once what the notification said was erased: its event has no data (where this is 1; 2: it was kept), its timeline no
-- words. If its recipient was forgotten too, `to_address` is empty.
ALTER TABLE notifications ADD COLUMN erased INTEGER;
