import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { readerOf, startBigQuery, type Harness } from '@imagery/local-cloud/test/bigquery/bigquery-fixture'
import type { ImagePick, Unit } from '../../src/contracts/model-options.ts'
import { runTables, type RunTables } from '../../src/contracts/names.ts'
import { snapshotQuery, type SnapshotSource } from '../../src/run-data/sql/snapshot.ts'
import { ensureDataset } from '../../src/google/bigquery/bigquery.ts'
import { loadFile, loadOptions, queryIntoTable } from '../../src/google/bigquery/jobs.ts'
import { useLocalCloud } from '../../src/google/transport/environment.ts'
import { runTable } from '../../src/run-data/run-tables.ts'
import { countSource, type SourceCounts } from '../../src/run-data/source-counts.ts'
import { countedSource } from '../../src/services/run/count-source.ts'
import { readSource, type SourceRead } from '../../src/services/run/read-source.ts'
import { checkValues } from '../../src/services/run/source-values.ts'
import { sourceColumns, type SourceField } from '../../src/services/source/columns.ts'
import { countRows } from '../../src/services/source/count-rows.ts'
import { prepareSource } from '../../src/services/source/local-files.ts'
import { parseSource, type Source } from '../../src/services/source/parse.ts'

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
  /** The objects of Cloud Storage that external tables can read, by URI. */
  readonly objects: Map<string, Buffer>
  readonly #harness: Harness
  readonly #tokens: Server
  #tables = 0

  private constructor(folder: string, objects: Map<string, Buffer>, harness: Harness, tokens: Server) {
    this.folder = folder
    this.objects = objects
    this.#harness = harness
    this.#tokens = tokens
  }

  static async start(): Promise<LocalTables> {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'imagery-field-'))
    const objects = new Map<string, Buffer>()
    const harness = await startBigQuery({ readObject: readerOf(objects) })
    for (const dataset of ['field', 'empty']) await harness.client.createDataset(dataset)
    return new LocalTables(folder, objects, harness, await metadataServer(harness.url))
  }

  async close(): Promise<void> {
    this.#tokens.closeAllConnections()
    this.#tokens.close()
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

  async takeFile(given: string, options: TableOptions = {}): Promise<{ units: SnapshotUnit[]; warnings: string[] }> {
    const { snapshot, warnings } = await this.#loaded(given, options)
    const tables = runTables({ projectId: 'demo', dataset: 'field', profile: 'resolution', runId: this.#runId() })
    const choice = { unit: snapshot.unit, images: snapshot.images, gemini: null }
    return this.#units({ tables, location: 'US', snapshot }, { options: { table: given }, choice, warnings })
  }

  /** Counts a file's units as `imagery estimate` does: on this machine, and with a query as for a table. */
  async counts(
    name: string,
    content: string,
    options: TableOptions = {},
  ): Promise<{ here: SourceCounts; queried: SourceCounts }> {
    const { file, snapshot } = await this.#loaded(await this.file(name, content), options)
    const { counts: here } = await countRows(file, snapshot, new AbortController().signal)
    const { counts: queried } = await countSource(snapshot, { projectId: 'demo', location: 'US' })
    return { here, queried }
  }

  async #loaded(
    given: string,
    { asset, image, unit = 'asset', pick = 'latest', perUnit = 6, where }: TableOptions,
  ): Promise<{ file: string; snapshot: SnapshotSource; warnings: string[] }> {
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
    const snapshot: SnapshotSource = {
      path: `demo.field.t${this.#tables}`,
      unit,
      images,
      ...columns,
      imagePrefix: null,
      where: where ?? null,
      limit: null,
      sample: null,
    }
    return { file: load.file, snapshot, warnings: [...warnings, ...guesses] }
  }

  #runId(): string {
    return `261130-${String(++this.#tables).padStart(8, '0')}`
  }

  /** Takes the snapshot of a source, and checks its values, as `imagery run` does. */
  async #units(
    { tables, location, snapshot }: { tables: RunTables; location: string; snapshot: SnapshotSource },
    context: { warnings: string[] } & Record<'options' | 'choice', object>,
  ): Promise<{ units: SnapshotUnit[]; warnings: string[] }> {
    await ensureDataset(tables, { location, description: '' })
    const assets = runTable(tables, 'assets')
    await queryIntoTable(snapshotQuery(snapshot), {
      projectId: tables.projectId,
      location,
      jobId: `snapshot_${assets.table}`,
      destination: assets,
      labels: {},
      clusterBy: ['bucket'],
    })
    const reporter = { detail: () => undefined }
    await checkValues.run({ ...context, snapshot, spec: { tables, source: { location } } } as never, reporter)
    const [rows] = await this.#harness.client.query(`SELECT * FROM \`${tables.dataset}.${assets.table}\``)
    return { units: (rows as Row[]).map(snapshotUnit).toSorted(byId), warnings: context.warnings }
  }

  /** Creates a table of the local BigQuery and fills it. Returns its full name. */
  async table(schema: readonly SourceField[], rows: readonly object[], properties: object = {}): Promise<string> {
    const name = `t${++this.#tables}`
    await this.#harness.client
      .dataset('field')
      .createTable(name, { schema: { fields: schema }, ...properties } as object)
    if (rows.length > 0) {
      const file = await this.file(`${name}.jsonl`, rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
      const load = { format: 'NEWLINE_DELIMITED_JSON', file, schema } as const
      await loadFile({ projectId: 'demo', dataset: 'field', table: name }, load, { location: 'US' })
    }
    return `demo.field.${name}`
  }

  /** Adds rows to one partition of a table. */
  async write(path: string, partition: string, rows: readonly object[]): Promise<void> {
    const file = await this.file('rows.jsonl', rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
    const table = this.#harness.client.dataset('field').table(`${path.split('.').at(-1)}$${partition}`)
    await table.load(file, { sourceFormat: 'NEWLINE_DELIMITED_JSON' })
  }

  async insert(name: string, rows: readonly object[]): Promise<void> {
    await this.#harness.client.dataset('field').table(name).insert(rows)
  }

  /** Creates a table with this name and these properties. */
  async create(name: string, properties: object): Promise<string> {
    await this.#harness.client.dataset('field').createTable(name, properties)
    return `demo.field.${name}`
  }

  /** Counts a table's units as `imagery estimate` does. */
  async countTable(given: string, where?: string): Promise<SourceCounts> {
    return (await countedSource((await this.#context(given, where === undefined ? {} : { where })) as never)).counts
  }

  async view(path: string, query: string): Promise<void> {
    const view = { view: { query, useLegacySql: false } }
    await this.#harness.client.dataset('field').createTable(path.split('.').at(-1)!, view as object)
  }

  /** Takes a table of the local BigQuery as `imagery run` does, up to the snapshot and the warnings about its values. */
  async takeTable(given: string, options: TableOptions = {}): Promise<{ units: SnapshotUnit[]; warnings: string[] }> {
    const { context, ...adds } = await this.#read(given, options)
    return this.#units(adds, context)
  }

  /** What BigQuery says that a run's snapshot of a table will read. */
  async snapshotBytes(given: string, options: TableOptions = {}): Promise<number> {
    return (await this.#read(given, options)).snapshotBytes
  }

  async #read(
    given: string,
    options: TableOptions,
  ): Promise<SourceRead & { context: { warnings: string[] } & Record<'options' | 'choice', object> }> {
    const context = await this.#context(given, options)
    const { adds } = await readSource(context as never)
    return { ...adds, context }
  }

  async #context(
    given: string,
    { asset, image, unit = 'asset', pick = 'latest', perUnit = 6, where }: TableOptions,
  ): Promise<{ warnings: string[] } & Record<'options' | 'choice', object>> {
    return {
      options: { table: given, assetColumn: asset, imageColumn: image, where },
      profile: { name: 'resolution' },
      source: await tableSource(given),
      target: { kind: 'local', place: { projectId: 'demo', region: 'us-central1' }, flags: '' },
      choice: { unit, images: { max_per_unit: perUnit, pick }, gemini: null },
      warnings: [] as string[],
      milestones: {},
      imageRoots: [],
      runId: this.#runId(),
    } as never
  }

  /** The same, for what must be refused. */
  async refusal(
    given: string,
    options: TableOptions = {},
  ): Promise<{ code: string; message: string; suggestions: string[] }> {
    return this.takeTable(given, options).then(
      () => Promise.reject(new Error(`${given} was not refused`)),
      (error: unknown) => error as { code: string; message: string; suggestions: string[] },
    )
  }
}

/** The fixture's project has a name that is too short for Google. */
async function tableSource(given: string): Promise<Source> {
  const source = await parseSource(given.replace('demo', 'demo-city'))
  return source.kind === 'table' ? { ...source, given, table: { ...source.table, projectId: 'demo' } } : source
}

/** The product's own clients use the local BigQuery, with a token of a metadata server that gives anyone one. */
async function metadataServer(url: string): Promise<Server> {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'metadata-flavor': 'Google' })
    response.end(JSON.stringify({ access_token: 'token', expires_in: 3_600, token_type: 'Bearer' }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  useLocalCloud({
    version: 1,
    pid: process.pid,
    projectId: 'demo',
    projectNumber: '1',
    region: 'us-central1',
    http: url,
    grpc: { host: '127.0.0.1', port },
    caFile: '',
    metadataHost: `127.0.0.1:${port}`,
    adminToken: '',
    startedAt: '',
  })
  return server
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
