import type { DatabaseSync } from 'node:sqlite'
import { openDatabase, transaction } from '../../kernel/database.ts'
import { OPERATIONS_TABLE } from '../../kernel/rest-operations.ts'
import type { Repository, StoredImage } from './resources.ts'

const MIGRATIONS = [
  `CREATE TABLE repositories (name TEXT PRIMARY KEY, resource TEXT NOT NULL);
   CREATE TABLE images (
     repository TEXT NOT NULL, package TEXT NOT NULL, digest TEXT NOT NULL, record TEXT NOT NULL,
     PRIMARY KEY (repository, package, digest)
   );
   CREATE TABLE tags (
     repository TEXT NOT NULL, package TEXT NOT NULL, tag TEXT NOT NULL, digest TEXT NOT NULL,
     PRIMARY KEY (repository, package, tag)
   )`,
  OPERATIONS_TABLE,
  'CREATE TABLE policies (repository TEXT PRIMARY KEY, policy TEXT NOT NULL)',
]

/** Repositories, images and tags in `<directory>/artifact-registry.sqlite`. Listings are in the order of names. */
export class RegistryStore {
  readonly database: DatabaseSync

  constructor(file: string) {
    this.database = openDatabase(file, MIGRATIONS)
  }

  close(): void {
    this.database.close()
  }

  repository(name: string): Repository | undefined {
    const row = this.database.prepare('SELECT resource FROM repositories WHERE name = ?').get(name)
    return row && (JSON.parse(String(row['resource'])) as Repository)
  }

  /** The repositories of `projects/P/locations/L`. */
  repositories(parent: string): Repository[] {
    const rows = this.database
      .prepare('SELECT resource FROM repositories WHERE name >= ? AND name < ? ORDER BY name')
      .all(`${parent}/repositories/`, `${parent}/repositories0`)
    return rows.map((row) => JSON.parse(String(row['resource'])) as Repository)
  }

  putRepository(repository: Repository): void {
    this.database
      .prepare('INSERT OR REPLACE INTO repositories (name, resource) VALUES (?, ?)')
      .run(repository.name, JSON.stringify(repository))
  }

  /** Deletes the repository with its images. */
  deleteRepository(name: string): void {
    transaction(this.database, () => {
      for (const table of ['tags', 'images', 'policies']) {
        this.database.prepare(`DELETE FROM ${table} WHERE repository = ?`).run(name)
      }
      this.database.prepare('DELETE FROM repositories WHERE name = ?').run(name)
    })
  }

  /** A repository's stored policy; undefined if none was ever stored. */
  policy(repository: string): string | undefined {
    const row = this.database.prepare('SELECT policy FROM policies WHERE repository = ?').get(repository)
    return row && String(row['policy'])
  }

  policies(): { repository: string; policy: string }[] {
    const rows = this.database.prepare('SELECT repository, policy FROM policies').all()
    return rows.map(({ repository, policy }) => ({ repository: String(repository), policy: String(policy) }))
  }

  putPolicy(repository: string, policy: string): void {
    this.database.prepare('INSERT OR REPLACE INTO policies (repository, policy) VALUES (?, ?)').run(repository, policy)
  }

  /** All images of a repository, by package and digest. */
  images(repository: string): StoredImage[] {
    const rows = this.database
      .prepare('SELECT record FROM images WHERE repository = ? ORDER BY package, digest')
      .all(repository)
    return rows.map((row) => JSON.parse(String(row['record'])) as StoredImage)
  }

  image(repository: string, packageName: string, digest: string): StoredImage | undefined {
    const row = this.database
      .prepare('SELECT record FROM images WHERE repository = ? AND package = ? AND digest = ?')
      .get(repository, packageName, digest)
    return row && (JSON.parse(String(row['record'])) as StoredImage)
  }

  /** Stores an image, and moves the tag, if given, to it. */
  putImage(image: StoredImage, tag: string | undefined): void {
    const { repository, package: name, digest } = image
    transaction(this.database, () => {
      this.database
        .prepare('INSERT OR IGNORE INTO images (repository, package, digest, record) VALUES (?, ?, ?, ?)')
        .run(repository, name, digest, JSON.stringify(image))
      if (tag === undefined) return
      this.database
        .prepare('INSERT OR REPLACE INTO tags (repository, package, tag, digest) VALUES (?, ?, ?, ?)')
        .run(repository, name, tag, digest)
    })
  }

  /** Deletes images with their tags. */
  deleteImages(images: readonly Pick<StoredImage, 'repository' | 'package' | 'digest'>[]): void {
    transaction(this.database, () => {
      for (const { repository, package: name, digest } of images) {
        for (const table of ['tags', 'images']) {
          this.database
            .prepare(`DELETE FROM ${table} WHERE repository = ? AND package = ? AND digest = ?`)
            .run(repository, name, digest)
        }
      }
    })
  }

  /** The tags of a package, sorted. */
  tags(repository: string, packageName: string): { tag: string; digest: string }[] {
    const rows = this.database
      .prepare('SELECT tag, digest FROM tags WHERE repository = ? AND package = ? ORDER BY tag')
      .all(repository, packageName)
    return rows.map(({ tag, digest }) => ({ tag: String(tag), digest: String(digest) }))
  }

  /** The digests in all repositories: their files must stay. */
  digests(): Set<string> {
    const rows = this.database.prepare('SELECT DISTINCT digest FROM images').all()
    return new Set(rows.map(({ digest }) => String(digest)))
  }

  counts(): { repositories: number; images: number } {
    const row = this.database
      .prepare('SELECT (SELECT count(*) FROM repositories) AS repositories, (SELECT count(*) FROM images) AS images')
      .get()
    return { repositories: Number(row?.['repositories']), images: Number(row?.['images']) }
  }
}
