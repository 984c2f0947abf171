import type { TableField } from '../../google/bigquery/bigquery.ts'
import { writeStruct } from '../source/thrift.ts'
import { typeOfField } from './columns.ts'
import type { Leaf } from './parquet-chunk.ts'
import { binaryField, intField } from './parquet-thrift.ts'
import { parquetTypeOf, type ParquetType } from './parquet-types.ts'

const OPTIONAL = 1
const REPEATED = 2
const LIST = 3

/** Where a field is in the schema: the names above it, and how many of those can be null, and are lists. */
interface Place {
  path: readonly string[]
  definitions: number
  repetitions: number
  isInStruct: boolean
}

const TOP: Place = { path: [], definitions: 0, repetitions: 0, isInStruct: false }

/** Adds a value to the columns below a field. Its levels are those of https://research.google/pubs/pub36632/ (Dremel). */
export type AddValue = (value: unknown, repetition: number, definition: number) => void

/** The columns of a Parquet file: its schema, and where a row's values go. */
export class ParquetColumns {
  /** The schema elements, parents first, as Thrift. */
  readonly elements: Buffer[] = []
  readonly #leafOf: (leaf: Leaf) => AddValue

  /** @param leafOf called for each column that holds values, in the file's order */
  constructor(leafOf: (leaf: Leaf) => AddValue) {
    this.#leafOf = leafOf
  }

  /** Adds a field at the top. Every column can be null, also one that cannot be in BigQuery. */
  field(field: TableField): AddValue {
    return this.#field(field, TOP)
  }

  /** Adds a column at the top that BigQuery has not. */
  column(name: string, type: ParquetType): AddValue {
    return this.#leaf(name, type, TOP)
  }

  #field(field: TableField, place: Place): AddValue {
    const name = field.name ?? ''
    return field.mode === 'REPEATED' ? this.#list(field, name, place) : this.#one(field, name, place)
  }

  #one(field: TableField, name: string, place: Place): AddValue {
    return typeOfField(field) === 'STRUCT'
      ? this.#struct(field.fields ?? [], name, place)
      : this.#leaf(name, parquetTypeOf(field, place.isInStruct), place)
  }

  #leaf(name: string, type: ParquetType, place: Place): AddValue {
    const element = [intField(1, type.physical), intField(3, OPTIONAL), binaryField(4, name), ...type.annotation]
    this.elements.push(writeStruct(element.toSorted((one, other) => one.id - other.id)))
    const definitions = place.definitions + 1
    const add = this.#leafOf({
      path: [...place.path, name],
      type,
      definitions,
      repetitions: place.repetitions,
    })
    return (value, repetition, definition) => add(value, repetition, isNone(value) ? definition : definitions)
  }

  #struct(fields: readonly TableField[], name: string, place: Place): AddValue {
    this.elements.push(writeStruct([intField(3, OPTIONAL), binaryField(4, name), intField(5, fields.length)]))
    const definitions = place.definitions + 1
    const below = { ...place, path: [...place.path, name], definitions, isInStruct: true }
    const members = fields.map((field): [string, AddValue] => [field.name ?? '', this.#field(field, below)])
    return (value, repetition, definition) => {
      const row = isNone(value) ? undefined : (value as Record<string, unknown>)
      for (const [member, add] of members) add(row?.[member], repetition, row ? definitions : definition)
    }
  }

  /** https://github.com/apache/parquet-format/blob/master/LogicalTypes.md#lists */
  #list(field: TableField, name: string, place: Place): AddValue {
    this.elements.push(
      writeStruct([intField(3, OPTIONAL), binaryField(4, name), intField(5, 1), intField(6, LIST)]),
      writeStruct([intField(3, REPEATED), binaryField(4, 'list'), intField(5, 1)]),
    )
    const [definitions, repetitions] = [place.definitions + 2, place.repetitions + 1]
    const path = [...place.path, name, 'list']
    const add = this.#one(field, 'element', { ...place, path, definitions, repetitions })
    return (value, repetition, definition) => {
      const items = (value ?? undefined) as readonly unknown[] | undefined
      // A list that is there and empty is one level below one with items.
      if (items === undefined || items.length === 0) {
        add(undefined, repetition, items === undefined ? definition : definitions - 1)
        return
      }
      for (const [index, item] of items.entries()) add(item, index === 0 ? repetition : repetitions, definitions)
    }
  }
}

function isNone(value: unknown): boolean {
  return value === null || value === undefined
}
