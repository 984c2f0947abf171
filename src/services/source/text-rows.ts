import { ImageryError } from '../../contracts/errors.ts'
import type { ModelChoice } from '../options/model-choice.ts'
import type { SourceColumns, SourceField } from './columns.ts'
import { sortable } from './count-rows.ts'
import type { FileRow } from './csv-rows.ts'
import { DoubtfulIds, noAssetWarning } from './doubtful-ids.ts'
import { exactJson, exactText } from './exact-json.ts'
import { shapedJson } from './json-shape.ts'
import { pointWithHalves, readPoint, type Point } from './location-value.ts'
import type { TextColumn, TextColumns } from './text-columns.ts'
import { readTime } from './time-text.ts'
import { checkNewest, exampleText, unreadWarning, type UnreadValues } from './unread-values.ts'

type Options = Pick<ModelChoice, 'unit' | 'images'> &
  Pick<SourceColumns, 'assetColumn' | 'imageColumn'> & { given: string }

const isCaptureTime = ({ name }: SourceField): boolean => name?.toLowerCase() === 'capture_time'

/** Writes the rows of a file as JSON lines for BigQuery, and counts what it cannot convert. */
export class RowWriter {
  readonly #columns: readonly TextColumn[]
  readonly #location: TextColumns['location']
  readonly #options: Options
  readonly #unread = new Map<string, UnreadValues>()
  readonly #assetIndex: number | undefined
  readonly #imageIndex: number | undefined
  /** Undefined where several images of one observation are usual, or none can be told. */
  readonly #observationIndex: number | undefined
  readonly #snapshotIndex: number | undefined
  readonly #doubtful = new DoubtfulIds()
  readonly #captureIndex: number | undefined
  /** Rows per asset, to know whether the choice of images depends on the times, and those of them that have one. */
  readonly #rowsOf = new Map<string, { rows: number; timed: number }>()
  #withoutAsset = 0
  #firstWithoutAsset = 0

  constructor({ columns, location }: TextColumns, options: Options) {
    const identifiers = new Set([options.assetColumn, options.imageColumn])
    // An identifier is text, whatever its values look like.
    this.#columns = columns.map((column) =>
      identifiers.has(column.field.name ?? null) ? { field: column.field, index: column.index, as: 'text' } : column,
    )
    this.#location = location
    this.#options = options
    const indexOf = (wanted: string | null): number | undefined =>
      columns.find(({ field }) => wanted !== null && field.name?.toLowerCase() === wanted.toLowerCase())?.index
    this.#assetIndex = indexOf(options.assetColumn)
    this.#imageIndex = indexOf(options.imageColumn)
    this.#captureIndex = columns.find(({ field, as }) => as === 'time' && isCaptureTime(field))?.index
    this.#observationIndex = indexOf('observation_id')
    this.#snapshotIndex = indexOf('snapshot_id')
  }

  /** The columns as they are written: identifiers have type STRING. */
  fields(fields: readonly SourceField[]): SourceField[] {
    const asText = new Set(this.#columns.filter(({ as }) => as === 'text').map(({ field }) => field.name))
    return fields.map((field) => (asText.has(field.name) ? { ...field, type: 'STRING', mode: 'NULLABLE' } : field))
  }

  /** Returns a row as a line of JSON. */
  line({ values, line }: FileRow): string {
    this.#countAsset(values, line)
    this.#countObservation(values, line)
    const members: string[] = []
    for (const column of this.#columns) {
      const json = this.#json(column, values[column.index], line)
      if (json !== undefined) members.push(`${JSON.stringify(column.field.name)}:${json}`)
    }
    const location = this.#locationJson(values, line)
    if (location !== undefined) members.push(`"location":${location}`)
    return `{${members.join(',')}}\n`
  }

  /**
   * @throws ImageryError SOURCE_UNSUPPORTED if the newest images would be chosen, and most times cannot be read
   */
  checkOrder(): void {
    const isChosen = [...this.#rowsOf.values()].some(({ rows }) => rows > this.#options.images.max_per_unit)
    checkNewest(this.#unread.get('capture_time'), { ...this.#options, isChosen })
  }

  /** One sentence for each kind of value that was left out. */
  warnings(): string[] {
    const warnings = [...this.#unread.values()].filter(({ unread }) => unread > 0).map(unreadWarning)
    if (this.#withoutAsset > 0)
      warnings.push(`${noAssetWarning(this.#withoutAsset)}, for example line ${this.#firstWithoutAsset}`)
    return [...warnings, ...this.#doubtful.warnings()]
  }

  /**
   * Whether an asset has more rows than the run uses images, and a row without a time. Only the snapshot knows whether
   * that decides which images are left out: rows can share an image, have none, or not match the condition.
   */
  mayMissTimes(): boolean {
    const most = this.#options.images.max_per_unit
    return [...this.#rowsOf.values()].some(({ rows, timed }) => rows > most && timed < rows)
  }

  #countAsset(values: readonly unknown[], line: number): void {
    if (this.#options.unit !== 'asset' || this.#assetIndex === undefined) return
    const asset = exactText(values[this.#assetIndex])
    if (asset !== null && asset !== '') {
      const counts = this.#rowsOf.get(asset) ?? { rows: 0, timed: 0 }
      this.#rowsOf.set(asset, counts)
      counts.rows += 1
      if (this.#captureIndex !== undefined && exactText(values[this.#captureIndex])) counts.timed += 1
      this.#doubtful.addAsset(asset)
    } else if (values.some((value) => value !== null && value !== undefined && value !== '')) {
      if (this.#withoutAsset === 0) this.#firstWithoutAsset = line
      this.#withoutAsset += 1
    }
  }

  #countObservation(values: readonly unknown[], line: number): void {
    const indexes = [this.#observationIndex, this.#imageIndex, this.#assetIndex, this.#snapshotIndex]
    const [observation, image, asset, snapshot] = indexes.map((index) =>
      index === undefined ? null : exactText(values[index]),
    )
    // A row without an asset is left out.
    if (this.#options.unit === 'asset' && !asset) return
    if (!observation || !image) return
    this.#doubtful.addObservation({
      asset: asset ?? null,
      observation,
      snapshot: sortable(snapshot ?? ''),
      image,
      line,
    })
  }

  #json(column: TextColumn, value: unknown, line: number): string | undefined {
    const text = column.as === 'shape' ? undefined : exactText(value)
    switch (column.as) {
      case 'shape':
        return shapedJson(value, column.shape)
      case 'text':
        if (text === null || text === undefined || text === '') return undefined
        if (!text.isWellFormed()) throw this.#notText(column, text, line)
        return JSON.stringify(text)
      case 'time': {
        if (text === null || text === undefined || text === '') return undefined
        const read = readTime(text)
        this.#count(
          (column.field.name ?? '').toLowerCase(),
          read,
          `${JSON.stringify(exampleText(text))} in line ${line}`,
        )
        return 'time' in read ? JSON.stringify(read.time) : undefined
      }
    }
  }

  #locationJson(values: readonly unknown[], line: number): string | undefined {
    const location = this.#location
    if (location === undefined) return undefined
    const { given, read } = placeOf(values, location)
    if (read === undefined) return undefined
    this.#count(
      'location',
      read === null ? { fault: 'unreadable' } : {},
      `${exampleText(exactJson(given))} in line ${line}`,
    )
    return read === null ? undefined : JSON.stringify(read satisfies Point)
  }

  #count(column: string, read: object, example: string): void {
    const counted = this.#unread.get(column) ?? { column, given: 0, unread: 0, example, isAmbiguous: false, of: 'row' }
    this.#unread.set(column, counted)
    counted.given += 1
    if (!('fault' in read)) return
    if (counted.unread === 0) counted.example = example
    counted.unread += 1
    if (read.fault === 'ambiguous') counted.isAmbiguous = true
  }

  #notText({ field }: TextColumn, text: string, line: number): ImageryError {
    return new ImageryError(
      'SOURCE_UNSUPPORTED',
      `${this.#options.given} cannot be read: ${field.name} in line ${line} is ${JSON.stringify(exampleText(text))}, which has half of a surrogate pair and is no text`,
      { suggestions: ['Write the file with a program that escapes characters in pairs'] },
    )
  }
}

/** The point of a row, and what the file has of it. */
function placeOf(
  values: readonly unknown[],
  location: NonNullable<TextColumns['location']>,
): { given: unknown; read: Point | null | undefined } {
  if ('index' in location) return { given: values[location.index], read: readPoint(values[location.index]) }
  const { latitude, longitude, halves = {} } = location
  const [north, east] = [values[latitude], values[longitude]]
  const found = Object.fromEntries(Object.entries(halves).map(([coordinate, index]) => [coordinate, values[index]]))
  return {
    given: [north, east, ...Object.values(found)],
    read: pointWithHalves({ latitude: north, longitude: east }, found),
  }
}
