import type { DatabaseSync } from 'node:sqlite'
import { openDatabase, transaction } from '../../kernel/database.ts'

const MIGRATIONS = [
  `CREATE TABLE buckets (
     name TEXT PRIMARY KEY,
     project TEXT NOT NULL,
     metageneration INTEGER NOT NULL,
     created_ms INTEGER NOT NULL,
     updated_ms INTEGER NOT NULL,
     fields TEXT NOT NULL
   ) STRICT;
   CREATE TABLE objects (
     bucket TEXT NOT NULL REFERENCES buckets (name),
     name TEXT NOT NULL,
     generation INTEGER NOT NULL,
     metageneration INTEGER NOT NULL,
     size INTEGER NOT NULL,
     md5 TEXT NOT NULL,
     crc32c TEXT NOT NULL,
     content_id TEXT NOT NULL,
     created_ms INTEGER NOT NULL,
     updated_ms INTEGER NOT NULL,
     fields TEXT NOT NULL,
     PRIMARY KEY (bucket, name)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE uploads (
     id TEXT PRIMARY KEY,
     bucket TEXT NOT NULL,
     name TEXT NOT NULL,
     request TEXT NOT NULL,
     created_ms INTEGER NOT NULL,
     finished_generation INTEGER
   ) STRICT;
   CREATE TABLE generations (last INTEGER NOT NULL) STRICT;
   INSERT INTO generations VALUES (0)`,
  'CREATE TABLE policies (bucket TEXT PRIMARY KEY REFERENCES buckets (name) ON DELETE CASCADE, policy TEXT NOT NULL) STRICT',
  `ALTER TABLE objects ADD COLUMN source TEXT NOT NULL DEFAULT '';
   CREATE INDEX object_sources ON objects (source) WHERE source <> ''`,
]

export interface BucketRow {
  name: string
  project: string
  metageneration: number
  createdMs: number
  updatedMs: number
  /** The fields that its owner can set: location, labels, lifecycle, … */
  fields: Record<string, unknown>
}

export interface ObjectRow {
  bucket: string
  name: string
  generation: number
  metageneration: number
  size: number
  md5: string
  crc32c: string
  contentId: string
  createdMs: number
  updatedMs: number
  /** The fields that its owner can set: contentType, metadata, … */
  fields: ObjectFields
  /** The file of this machine that its content is a copy of (`sourceOf`), or empty. */
  source: string
}

export interface ObjectFields {
  contentType?: string
  contentEncoding?: string
  contentDisposition?: string
  contentLanguage?: string
  cacheControl?: string
  customTime?: string
  storageClass?: string
  metadata?: Record<string, string>
}

export interface UploadRow {
  id: string
  bucket: string
  name: string
  /** The first request, in JSON. */
  request: string
  createdMs: number
  /** Set when the object exists. */
  finishedGeneration: number | undefined
}

/** The buckets that calls named last are remembered, also those that do not exist; the map is cleared at this size. */
const MAX_REMEMBERED_BUCKETS = 1_000

/** Buckets, objects, policies and upload sessions, in `storage.sqlite`. */
export class MetadataStore {
  /** By name, because every call about an object looks its bucket up, most of them several times. */
  readonly #known = new Map<string, BucketRow | undefined>()
  readonly #database: DatabaseSync
  readonly #sql: ReturnType<typeof statements>

  constructor(file: string) {
    this.#database = openDatabase(file, MIGRATIONS)
    this.#sql = statements(this.#database)
  }

  /** All of `work` is kept, or none. */
  atomically<Result>(work: () => Result): Result {
    try {
      return transaction(this.#database, work)
    } catch (error) {
      this.#known.clear()
      throw error
    }
  }

  bucket(name: string): Readonly<BucketRow> | undefined {
    if (this.#known.has(name)) return this.#known.get(name)
    const row = bucketRow(this.#sql.bucket.get(name))
    if (this.#known.size >= MAX_REMEMBERED_BUCKETS) this.#known.clear()
    this.#known.set(name, row)
    return row
  }

  buckets(project: string, after: string, prefix: string, limit: number): BucketRow[] {
    return this.#sql.buckets.all(project, after, prefix, limit).map((row) => bucketRow(row)!)
  }

  putBucket(row: BucketRow): void {
    this.#known.delete(row.name)
    this.#sql.putBucket.run(
      row.name,
      row.project,
      row.metageneration,
      row.createdMs,
      row.updatedMs,
      JSON.stringify(row.fields),
    )
  }

  deleteBucket(name: string): void {
    this.#known.delete(name)
    this.#sql.deleteBucket.run(name)
  }

  hasObjects(bucket: string): boolean {
    return this.#sql.anyObject.get(bucket) !== undefined
  }

  /** The JSON of a bucket's policy; undefined while it is the first one. */
  policy(bucket: string): string | undefined {
    return this.#sql.policy.get(bucket)?.['policy'] as string | undefined
  }

  policies(): { bucket: string; policy: string }[] {
    return this.#sql.policies.all().map((row) => ({ bucket: String(row['bucket']), policy: String(row['policy']) }))
  }

  putPolicy(bucket: string, policy: string): void {
    this.#sql.putPolicy.run(bucket, policy)
  }

  object(bucket: string, name: string): ObjectRow | undefined {
    return objectRow(this.#sql.object.get(bucket, name))
  }

  /** An object with a copy of a file of this machine. */
  objectFrom(source: string): ObjectRow | undefined {
    return objectRow(this.#sql.objectFrom.get(source))
  }

  /** Objects whose name is greater than `after`, or not less than `from`, in byte order. */
  objects(bucket: string, { after, from }: { after?: string; from?: string }, limit: number): ObjectRow[] {
    const rows =
      after === undefined
        ? this.#sql.objectsFrom.all(bucket, from ?? '', limit)
        : this.#sql.objectsAfter.all(bucket, after, limit)
    return rows.map((row) => objectRow(row)!)
  }

  putObject(row: ObjectRow): void {
    this.#sql.putObject.run(
      row.bucket,
      row.name,
      row.generation,
      row.metageneration,
      row.size,
      row.md5,
      row.crc32c,
      row.contentId,
      row.createdMs,
      row.updatedMs,
      JSON.stringify(row.fields),
      row.source,
    )
  }

  deleteObject(bucket: string, name: string): void {
    this.#sql.deleteObject.run(bucket, name)
  }

  /** Microseconds, always greater than the last one, even if the clock went back. */
  nextGeneration(nowMs: number): number {
    return Number(this.#sql.nextGeneration.get(nowMs * 1000)?.['last'])
  }

  upload(id: string): UploadRow | undefined {
    return uploadRow(this.#sql.upload.get(id))
  }

  putUpload({ id, bucket, name, request, createdMs, finishedGeneration }: UploadRow): void {
    this.#sql.putUpload.run(id, bucket, name, request, createdMs, finishedGeneration ?? null)
  }

  deleteUpload(id: string): void {
    this.#sql.deleteUpload.run(id)
  }

  uploadsBefore(createdMs: number): string[] {
    return this.#sql.uploadsBefore.all(createdMs).map((row) => String(row['id']))
  }

  /** IDs of all content and of all unfinished uploads. */
  references(): { contentIds: Set<string>; uploadIds: Set<string> } {
    return {
      contentIds: new Set(this.#sql.contentIds.all().map((row) => String(row['content_id']))),
      uploadIds: new Set(this.#sql.openUploads.all().map((row) => String(row['id']))),
    }
  }

  counts(): { buckets: number; objects: number; bytes: number } {
    const row = this.#sql.counts.get()
    return { buckets: Number(row?.['buckets']), objects: Number(row?.['objects']), bytes: Number(row?.['bytes']) }
  }

  close(): void {
    this.#database.close()
  }
}

// eslint-disable-next-line typescript/explicit-function-return-type -- the statements' names are the type
function statements(database: DatabaseSync) {
  const prepare = (sql: string) => database.prepare(sql)
  return {
    bucket: prepare('SELECT * FROM buckets WHERE name = ?'),
    buckets: prepare(
      'SELECT * FROM buckets WHERE project = ? AND name > ? AND substr(name, 1, length(?3)) = ?3 ORDER BY name LIMIT ?4',
    ),
    putBucket: prepare(
      `INSERT INTO buckets VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (name) DO UPDATE SET metageneration = excluded.metageneration, updated_ms = excluded.updated_ms, fields = excluded.fields`,
    ),
    deleteBucket: prepare('DELETE FROM buckets WHERE name = ?'),
    policy: prepare('SELECT policy FROM policies WHERE bucket = ?'),
    policies: prepare('SELECT * FROM policies ORDER BY bucket'),
    putPolicy: prepare('INSERT OR REPLACE INTO policies VALUES (?, ?)'),
    anyObject: prepare('SELECT 1 FROM objects WHERE bucket = ? LIMIT 1'),
    object: prepare('SELECT * FROM objects WHERE bucket = ? AND name = ?'),
    objectFrom: prepare("SELECT * FROM objects WHERE source = ? AND source <> '' LIMIT 1"),
    objectsAfter: prepare('SELECT * FROM objects WHERE bucket = ? AND name > ? ORDER BY name LIMIT ?'),
    objectsFrom: prepare('SELECT * FROM objects WHERE bucket = ? AND name >= ? ORDER BY name LIMIT ?'),
    putObject: prepare('INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)'),
    deleteObject: prepare('DELETE FROM objects WHERE bucket = ? AND name = ?'),
    nextGeneration: prepare('UPDATE generations SET last = max(last + 1, ?) RETURNING last'),
    upload: prepare('SELECT * FROM uploads WHERE id = ?'),
    putUpload: prepare('INSERT OR REPLACE INTO uploads VALUES (?, ?, ?, ?, ?, ?)'),
    deleteUpload: prepare('DELETE FROM uploads WHERE id = ?'),
    uploadsBefore: prepare('SELECT id FROM uploads WHERE created_ms < ?'),
    contentIds: prepare('SELECT content_id FROM objects'),
    openUploads: prepare('SELECT id FROM uploads WHERE finished_generation IS NULL'),
    counts: prepare(
      'SELECT (SELECT count(*) FROM buckets) AS buckets, count(*) AS objects, coalesce(sum(size), 0) AS bytes FROM objects',
    ),
  }
}

type Row = Record<string, unknown> | undefined

function bucketRow(row: Row): BucketRow | undefined {
  return (
    row && {
      name: String(row['name']),
      project: String(row['project']),
      metageneration: Number(row['metageneration']),
      createdMs: Number(row['created_ms']),
      updatedMs: Number(row['updated_ms']),
      fields: JSON.parse(String(row['fields'])) as Record<string, unknown>,
    }
  )
}

function objectRow(row: Row): ObjectRow | undefined {
  return (
    row && {
      bucket: String(row['bucket']),
      name: String(row['name']),
      generation: Number(row['generation']),
      metageneration: Number(row['metageneration']),
      size: Number(row['size']),
      md5: String(row['md5']),
      crc32c: String(row['crc32c']),
      contentId: String(row['content_id']),
      createdMs: Number(row['created_ms']),
      updatedMs: Number(row['updated_ms']),
      fields: JSON.parse(String(row['fields'])) as ObjectFields,
      source: String(row['source']),
    }
  )
}

function uploadRow(row: Row): UploadRow | undefined {
  return (
    row && {
      id: String(row['id']),
      bucket: String(row['bucket']),
      name: String(row['name']),
      request: String(row['request']),
      createdMs: Number(row['created_ms']),
      finishedGeneration: row['finished_generation'] === null ? undefined : Number(row['finished_generation']),
    }
  )
}
