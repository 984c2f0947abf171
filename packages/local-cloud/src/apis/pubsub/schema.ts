/** The scripts that build the store's SQLite schema, oldest first; never edited once released, only appended to. */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE topics (
    name TEXT PRIMARY KEY,
    project TEXT NOT NULL,
    settings TEXT NOT NULL
  ) WITHOUT ROWID;

  -- AUTOINCREMENT: the number of a deleted subscription is never given again, so a late
  -- answer to one of its deliveries cannot touch a new subscription of the same name.
  CREATE TABLE subscriptions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    project TEXT NOT NULL,
    topic TEXT NOT NULL,
    settings TEXT NOT NULL
  );
  CREATE INDEX subscriptions_of_topic ON subscriptions (topic, name);

  -- Message ids go on from here even when no subscription kept the last message.
  CREATE TABLE message_ids (last INTEGER NOT NULL);
  INSERT INTO message_ids VALUES (1000000000000000);

  -- A message is kept as long as one subscription still has it in its backlog.
  CREATE TABLE messages (
    id INTEGER PRIMARY KEY,
    data BLOB NOT NULL,
    attributes TEXT NOT NULL,
    ordering_key TEXT NOT NULL,
    publish_ms INTEGER NOT NULL
  );

  -- A subscription's backlog. leased = 1: sent, and unacknowledged until due_ms (the
  -- acknowledgement deadline); leased = 0: may be sent from due_ms on.
  CREATE TABLE backlog (
    subscription_id INTEGER NOT NULL REFERENCES subscriptions (id),
    message_id INTEGER NOT NULL REFERENCES messages (id),
    ordering_key TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    leased INTEGER NOT NULL,
    due_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    PRIMARY KEY (subscription_id, message_id)
  ) WITHOUT ROWID;
  CREATE INDEX backlog_by_due ON backlog (subscription_id, leased, due_ms, message_id);
  CREATE INDEX backlog_by_message ON backlog (message_id);
  CREATE INDEX backlog_by_key ON backlog (subscription_id, ordering_key, message_id) WHERE ordering_key <> '';
  CREATE INDEX backlog_by_expiry ON backlog (subscription_id, expires_ms);
  `,
  `
  CREATE TABLE topic_policies (
    topic TEXT PRIMARY KEY,
    policy TEXT NOT NULL
  ) WITHOUT ROWID;
  `,
]
