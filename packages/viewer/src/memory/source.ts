import type { Value } from '../contract/columns.ts'
import type { Filter, ReviewState } from '../contract/filter.ts'
import { MOST_PAGE_ROWS, MOST_POINTS } from '../contract/limits.ts'
import type { ReportHead } from '../contract/report.ts'
import type { Mark } from '../contract/review.ts'
import { SourceError } from '../contract/source-error.ts'
import type { ImageSize, PageRow, Points, ResultsSource, UnitDetail } from '../contract/source.ts'
import { chartOf } from './charts.ts'
import { NO_VALUE } from './column-store.ts'
import { keptRows } from './filter.ts'
import { imageConsoleUrl, rowStatement, showCommand } from './links.ts'
import { accuracyWithoutMarks } from './no-marks.ts'
import type { CarriedRow } from './rows.ts'
import { columnNamed, memoryTable } from './table.ts'

/** Returns the address of an image that the report has, by its URI. */
export type FindImage = (gcsUri: string, size: ImageSize) => string | null

/**
 * A run whose rows are in memory. It is read-only and never changes.
 *
 * @param valuesOf returns the values of a column, one per row, if they are at hand by column
 */
export function memorySource(
  carried: Omit<ReportHead, 'layout'>,
  rows: readonly CarriedRow[],
  findImage: FindImage = () => null,
  valuesOf?: (name: string) => readonly Value[],
): ResultsSource {
  const { run } = carried
  const table = memoryTable(run.columns, rows, valuesOf)
  const reviewOf = (): ReviewState => 'none'
  const kept = remembered((filter: Filter) => keptRows(table, filter, reviewOf))
  const rowOf = (unitId: string): CarriedRow => {
    const row = table.rows[table.units.get(unitId) ?? -1]
    if (!row) throw new SourceError(`Run ${run.run_id} has no unit ${unitId}`, [])
    return row
  }
  return {
    run: async () => run,
    async summary(filter) {
      const mask = kept(filter)
      const counts = { rows: 0, ok: 0, failed: 0, cost_usd: 0 }
      const cost = table.columns.get('cost_usd')
      for (const [row, { status }] of table.rows.entries()) {
        if (mask[row] === 0) continue
        counts.rows += 1
        counts.ok += Number(status === 'ok')
        counts.failed += Number(isFailure(status))
        const code = cost?.codes[row] ?? NO_VALUE
        if (cost && code !== NO_VALUE) counts.cost_usd += cost.numbers[code]!
      }
      const charts = [...table.columns.values()]
        .map((store) => chartOf(store, mask))
        .filter((each) => each !== undefined)
      return { ...counts, charts }
    },
    async page({ filter, sort, offset, limit }) {
      const mask = kept(filter)
      const order = sort === null ? undefined : table.sorted(sort)
      const page: PageRow[] = []
      const end = offset + Math.min(limit, MOST_PAGE_ROWS)
      let total = 0
      for (let place = 0; place < mask.length; place += 1) {
        const row = order ? order[place]! : place
        if (mask[row] === 0) continue
        if (total >= offset && total < end) page.push(pageRow(table.rows[row]!))
        total += 1
      }
      return { total, rows: page }
    },
    async points(filter, color) {
      const mask = kept(filter)
      const store = color === null ? undefined : columnNamed(table.columns, color)
      const located = [...mask.keys()].filter((row) => mask[row] === 1 && !Number.isNaN(table.longitudes[row]!))
      const step = Math.ceil(located.length / MOST_POINTS)
      const shown = step > 1 ? located.filter((_, place) => place % step === 0) : located
      const valueOf = (row: number): Points['values'][number] => {
        const code = store?.codes[row] ?? NO_VALUE
        return code === NO_VALUE ? null : colorValue(store!.values[code]!)
      }
      return {
        unit_ids: shown.map((row) => table.rows[row]!.unit_id),
        longitudes: shown.map((row) => table.longitudes[row]!),
        latitudes: shown.map((row) => table.latitudes[row]!),
        values: shown.map(valueOf),
        is_sample: step > 1,
      }
    },
    unit: async (unitId) => unitDetail(carried, rowOf(unitId)),
    imageUrl(unitId, index, size) {
      const image = rowOf(unitId).images[index]
      return image ? findImage(image.gcs_uri, size) : null
    },
    imageFault: async () => new SourceError('This browser cannot show an image of this format.', []),
    marks: async (): Promise<Mark[]> => [],
    saveMark: refuse,
    clearMark: refuse,
    reviewProgress: async () => accuracyWithoutMarks(run.columns),
    drawReview: refuse,
    comparison: async () => null,
    exportUrl: () => null,
    marksExportUrl: () => null,
    onChange: () => () => undefined,
  }
}

async function refuse(): Promise<never> {
  throw new SourceError('A report is read-only', ['imagery view'])
}

function isFailure(status: string): boolean {
  return status === 'failed' || status === 'throttled'
}

/** Lists and structs have no color. */
function colorValue(value: Value): Points['values'][number] {
  return typeof value === 'object' ? null : value
}

function pageRow({ unit_id, asset_id, status, values, images }: CarriedRow): PageRow {
  return { unit_id, asset_id, status, values, images: images.length }
}

function unitDetail({ run, flags, is_on_google: isOnGoogle }: Omit<ReportHead, 'layout'>, row: CarriedRow): UnitDetail {
  const { unit_id, asset_id, status, location, values, images, attempts } = row
  return {
    unit_id,
    asset_id,
    status,
    location,
    values,
    images: images.map((image) => ({ ...image, console_url: isOnGoogle ? imageConsoleUrl(image.gcs_uri) : null })),
    attempts,
    mark: null,
    command: showCommand(run.run_id, unit_id, flags),
    sql: rowStatement(run.results_table, unit_id),
  }
}

/** Keeps the last result: the app asks for a filter's charts, page and points one after another. */
function remembered(find: (filter: Filter) => Uint8Array): (filter: Filter) => Uint8Array {
  let last: { key: string; result: Uint8Array } | undefined
  return (filter) => {
    const key = JSON.stringify(filter)
    last = last?.key === key ? last : { key, result: find(filter) }
    return last.result
  }
}
