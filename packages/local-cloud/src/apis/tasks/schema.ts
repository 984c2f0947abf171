/**
 * The tables of Cloud Tasks. A task's request is separate from its state, so that counting an attempt
 * does not rewrite a body, and listing without bodies does not read them.
 */
export const MIGRATIONS: readonly string[] = [
  `CREATE TABLE queues (
     id INTEGER PRIMARY KEY,
     name TEXT NOT NULL UNIQUE,
     config TEXT NOT NULL,
     paused INTEGER NOT NULL,
     purge_us INTEGER
   ) STRICT;
   CREATE TABLE tasks (
     seq INTEGER PRIMARY KEY,
     queue INTEGER NOT NULL,
     id TEXT NOT NULL,
     named INTEGER NOT NULL,
     schedule_us INTEGER NOT NULL,
     created_ms INTEGER NOT NULL,
     dispatches INTEGER NOT NULL DEFAULT 0,
     responses INTEGER NOT NULL DEFAULT 0,
     executions INTEGER NOT NULL DEFAULT 0,
     first_dispatch_us INTEGER,
     last_schedule_us INTEGER,
     last_dispatch_us INTEGER,
     last_response_us INTEGER,
     last_code INTEGER,
     last_status INTEGER
   ) STRICT;
   CREATE UNIQUE INDEX tasks_by_id ON tasks (queue, id);
   CREATE INDEX tasks_by_schedule ON tasks (queue, schedule_us);
   CREATE TABLE requests (seq INTEGER PRIMARY KEY, request TEXT NOT NULL, body BLOB NOT NULL) STRICT;
   CREATE TABLE queue_tombstones (name TEXT PRIMARY KEY, until_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
   CREATE TABLE task_tombstones (
     queue INTEGER NOT NULL, id TEXT NOT NULL, until_ms INTEGER NOT NULL, PRIMARY KEY (queue, id)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE operations (
     name TEXT PRIMARY KEY, subject TEXT NOT NULL, error TEXT, metadata BLOB, response BLOB, until_ms INTEGER NOT NULL
   ) STRICT`,
]
