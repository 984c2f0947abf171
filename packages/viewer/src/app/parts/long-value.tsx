import type { Value, ViewedColumn } from '../../contract/columns.ts'
import { ShownValue } from './value.tsx'
import { TextBlock } from './text-block.tsx'

/** A value with room: lists and structs over several lines, and times with their seconds. */
export function LongValue({ value, column }: { value: Value | undefined; column: ViewedColumn }) {
  if (typeof value === 'object' && value !== null) {
    if (Array.isArray(value) && value.every((each) => typeof each !== 'object')) {
      return value.length === 0 ? (
        <span className="none">(empty list)</span>
      ) : (
        <ul className="list-value">
          {value.map((each, index) => (
            // Lists can repeat a value, and never change here.
            <li key={index}>
              <bdi>{String(each)}</bdi>
            </li>
          ))}
        </ul>
      )
    }
    return <TextBlock text={JSON.stringify(value, null, 2)} />
  }
  if (column.kind === 'number' && typeof value === 'number') return <span>{String(value)}</span>
  if (column.kind === 'time' && typeof value === 'string') return <bdi>{value}</bdi>
  return <ShownValue value={value} column={column} />
}
