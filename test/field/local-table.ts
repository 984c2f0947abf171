import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { startBigQuery, type Harness } from '@imagery/local-cloud/test/bigquery/bigquery-fixture'
import type { ImagePick, Unit } from '../../src/contracts/model-options.ts'
import { snapshotQuery } from '../../src/run-data/sql/snapshot.ts'
import { loadOptions } from '../../src/google/bigquery/jobs.ts'
import { sourceColumns, type SourceField } from '../../src/services/source/columns.ts'
import { prepareSource } from '../../src/services/source/local-files.ts'
import { parseSource } from '../../src/services/source/parse.ts'

export interface TableOptions {
  asset?: string
  image?: string
  unit?: Unit
  pick?: ImagePick
  perUnit?: number
  where?: string
}

/** What a snapshot has of one asset. */
export interface SnapshotUnit {
  id: string
  asset: string | null
  images: string[]
  observations: string[]
  location: { latitude: number; longitude: number } | null
  captured: (string | null)[]
  detected: string | null
}

/** Takes local tables as `imagery run` does, up to the snapshot, in a local BigQuery without images or services. */
export class LocalTables {
  readonly folder: string
  readonly #harness: Harness
  #tables = 0

  private constructor(folder: string, harness: Harness) {
    this.folder = folder
    this.#harness = harness
  }

  static async start(): Promise<LocalTables> {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'imagery-field-'))
    const harness = await startBigQuery()
    await harness.client.createDataset('field')
    return new LocalTables(folder, harness)
  }

  async close(): Promise<void> {
    await this.#harness.close()
    await rm(this.folder, { recursive: true, force: true })
  }

  async file(name: string, content: string | Uint8Array): Promise<string> {
    const file = path.join(this.folder, name)
    await writeFile(file, content)
    return file
  }

  /** Writes a file and takes its snapshot. */
  async take(
    name: string,
    content: string | Uint8Array,
    options: TableOptions = {},
  ): Promise<{ units: SnapshotUnit[]; warnings: string[] }> {
    return this.takeFile(await this.file(name, content), options)
  }

  async takeFile(
    given: string,
    { asset, image, unit = 'asset', pick = 'latest', perUnit = 6, where }: TableOptions = {},
  ): Promise<{ units: SnapshotUnit[]; warnings: string[] }> {
    const source = await parseSource(given)
    if (source.kind === 'table') throw new Error(`${given} is no file`)
    const scratch = await mkdtemp(path.join(this.folder, 'scratch-'))
    const flags = { asset, image, unit }
    const images = { max_per_unit: perUnit, pick }
    const { load, known, warnings } = await prepareSource(source, { unit, images, flags, scratch })
    const table = this.#harness.client.dataset('field').table(`t${++this.#tables}`)
    const [job] = await table.load(load.file, loadOptions(load))
    if (job.status?.errorResult) throw new Error(job.status.errorResult.message)
    const [metadata] = await table.getMetadata()
    const { fields } = metadata.schema as { fields: SourceField[] }
    const { guesses, ...columns } = known ? { ...known.columns, guesses: [] } : sourceColumns(given, fields, flags)
    const sql = snapshotQuery({
      path: `demo.field.t${this.#tables}`,
      unit,
      images,
      ...columns,
      imagePrefix: null,
      where: where ?? null,
      limit: null,
      sample: null,
    })
    const [rows] = await this.#harness.client.query(sql)
    return { units: (rows as Row[]).map(snapshotUnit).toSorted(byId), warnings: [...warnings, ...guesses] }
  }
}

interface Row {
  unit_id: string
  asset_id: string | null
  location: { latitude: number; longitude: number } | null
  detection_time: { value: string } | null
  observations: { observation_id: string; gcs_uri: string; capture_time: { value: string } | null }[]
}

function snapshotUnit(row: Row): SnapshotUnit {
  return {
    id: row.unit_id,
    asset: row.asset_id,
    images: row.observations.map(({ gcs_uri }) => gcs_uri),
    observations: row.observations.map(({ observation_id }) => observation_id),
    location: row.location,
    captured: row.observations.map(({ capture_time: time }) => time?.value ?? null),
    detected: row.detection_time?.value ?? null,
  }
}

const byId = (one: SnapshotUnit, other: SnapshotUnit): number => (one.id < other.id ? -1 : 1)
