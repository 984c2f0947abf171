import type { Value, ViewedColumn } from '@imagery/viewer/contract/columns'
import type { Condition, Filter } from '@imagery/viewer/contract/filter'
import type { ViewedRun } from '@imagery/viewer/contract/run'
import type { PageRequest } from '@imagery/viewer/contract/source'
import type { CarriedRow } from '@imagery/viewer/memory/rows'

/** A source of choices, from a seed. */
export interface Choices {
  number(): number
  below(limit: number): number
  one<Item>(items: readonly Item[]): Item
}

export function choicesFrom(random: () => number): Choices {
  const below = (limit: number): number => Math.floor(random() * limit)
  return { number: random, below, one: (items) => items[below(items.length)]! }
}

const column = (name: string, kind: ViewedColumn['kind'], rest: Partial<ViewedColumn> = {}): ViewedColumn => ({
  name,
  kind,
  role: 'answer',
  is_integer: false,
  description: null,
  allowed: null,
  ...rest,
})

/** One column of each kind, and some that have few or many values. */
export const COLUMNS: readonly ViewedColumn[] = [
  column('unit_id', 'text', { role: 'record' }),
  column('verdict', 'enum', { allowed: ['good', 'fair', 'bad', 'never used'] }),
  column('occluded', 'boolean'),
  column('height', 'number'),
  column('signs', 'number', { is_integer: true }),
  column('serial', 'number', { is_integer: true }),
  column('reason', 'text'),
  column('few words', 'text', { role: 'kept' }),
  column('document', 'text'),
  column('page', 'text', { role: 'kept' }),
  column('defects', 'other'),
  column('finished_at', 'time', { role: 'record' }),
  column('status', 'enum', { role: 'record', allowed: ['ok', 'failed', 'throttled', 'pending'] }),
  column('cost_usd', 'number', { role: 'record' }),
]

/** Texts whose order or case databases and JavaScript do not agree on by themselves. */
export const WORDS = [
  'pole',
  'Pole',
  'POLE',
  'straße',
  'STRASSE',
  'ΣΑΣ',
  'σας',
  'İstanbul',
  'ﬀ',
  '\u{1f600}',
  '\uffee',
  'é',
  'e\u0301',
  '',
  ' ',
  '100%',
  '_',
  '\\',
  "it's",
  '"quoted"',
  '<script>',
  'line\nbreak',
  'null',
  'ß',
  'ẞ',
  'Ⅷ',
  'ⅷ',
]

function valueOf({ name, kind, is_integer: isWhole, allowed }: ViewedColumn, choose: Choices): Value {
  if (choose.below(6) === 0) return null
  switch (kind) {
    case 'enum':
      return choose.below(40) === 0 ? 'unexpected' : choose.one((allowed ?? []).slice(0, 3))
    case 'boolean':
      return choose.below(2) === 0
    case 'number':
      if (name === 'serial') return choose.one(['9007199254740993', '9007199254740995', 9_007_199_254_740_991, 17])
      return isWhole ? choose.below(9) : Math.round((choose.number() - 0.3) * 1_000) / 8
    case 'text':
      // A page is as long as the text of a bar can be, and a document is longer.
      if (name === 'document' || name === 'page')
        return choose.one(['', '\u{1f600}'.repeat(name === 'page' ? 1_000 : 1_001)])
      return name === 'few words'
        ? choose.one(['a', 'b', 'c'])
        : [choose.one(WORDS), choose.one(WORDS)].slice(0, 1 + choose.below(2)).join(' ')
    case 'time':
      return new Date(Date.UTC(2026, 2, 1 + choose.below(20), choose.below(24), 0, 0, choose.below(999))).toISOString()
    case 'other':
      return [choose.one(['crack', 'rust']), choose.one(['a', 'b'])].slice(0, choose.below(3))
  }
}

export function randomRows(count: number, choose: Choices): CarriedRow[] {
  return Array.from({ length: count }, (_, index) => {
    const values = Object.fromEntries(COLUMNS.map((each) => [each.name, valueOf(each, choose)]))
    const unit_id = `${choose.one(WORDS)} ${index}`
    const status = choose.one(['ok', 'ok', 'ok', 'failed', 'throttled', 'pending'])
    return {
      unit_id,
      asset_id: choose.below(5) === 0 ? null : unit_id.slice(0, 4),
      status,
      location:
        choose.below(6) === 0
          ? null
          : {
              longitude: Math.round(choose.number() * 3_600) / 10 - 180,
              latitude: Math.round(choose.number() * 1_800) / 10 - 90,
            },
      values: { ...values, unit_id, status, cost_usd: choose.below(4) === 0 ? null : choose.below(1_000) / 1_024 },
      images: Array.from({ length: choose.below(3) }, (_, image) => ({
        observation_id: choose.below(2) === 0 ? null : `o-${index}-${image}`,
        gcs_uri: `gs://images/${index}/${image} ä.jpg`,
      })),
      attempts: [],
    }
  })
}

export function randomRun(rows: readonly CarriedRow[]): ViewedRun {
  const count = (...states: string[]): number => rows.filter(({ status }) => states.includes(status)).length
  return {
    run_id: '261130-0123abcd',
    results_table: 'project.dataset.table',
    source: 'poles.csv',
    profile: 'utility-pole',
    prompt: 'What is on the pole?',
    model: 'gemini-3.5-flash',
    answered_by: 'Vertex AI',
    is_billed: true,
    state: 'complete',
    units: { total: rows.length, ok: count('ok'), failed: count('failed', 'throttled'), pending: count('pending') },
    cost_usd: 1.5,
    started_at: '2026-11-30T10:00:00.000Z',
    finished_at: '2026-11-30T11:00:00.000Z',
    failures: [],
    columns: [...COLUMNS],
    bounds: [-180, -90, 180, 90],
    is_live: false,
    has_images: false,
    can_review: false,
  }
}

export function randomFilter(choose: Choices): Filter {
  return Array.from({ length: choose.below(3) }, () => randomCondition(choose))
}

function randomCondition(choose: Choices): Condition {
  switch (choose.below(7)) {
    case 0: {
      const { name, allowed } = choose.one(COLUMNS.filter(({ kind }) => kind === 'enum'))
      return { column: name, is: [choose.one(allowed!), choose.one([...allowed!, null])] }
    }
    case 1:
      return { column: 'occluded', is: [choose.one([true, false, null])] }
    case 2:
      return { column: 'signs', is: [choose.below(9), choose.one([null, 3])] }
    case 3: {
      const name = choose.one(['height', 'signs', 'finished_at'])
      const [low, high] =
        name === 'finished_at' ? [Date.UTC(2026, 2, 5), Date.UTC(2026, 2, 15)] : [choose.below(4), 4 + choose.below(40)]
      const closed = choose.one([true, false])
      return { column: name, from: choose.one([low, null]), to: choose.one([high, null]), closed }
    }
    case 4:
      return { column: choose.one(['reason', 'few words']), contains: choose.one(WORDS) }
    case 5:
      return { search: choose.one([...WORDS, 'good', 'OL']) }
    default:
      return {
        box: choose
          .one([
            [-60, -40, 80, 50],
            [120, -90, -120, 90],
          ] as const)
          .slice() as [number, number, number, number],
      }
  }
}

export function randomPage(filter: Filter, choose: Choices): PageRequest {
  const sort = choose.one([null, ...COLUMNS.filter(({ kind }) => kind !== 'other')])
  return {
    filter,
    sort: sort && { column: sort.name, descending: choose.below(2) === 0 },
    offset: choose.one([0, 0, 7, 1_000]),
    limit: choose.one([5, 50, 500]),
  }
}
