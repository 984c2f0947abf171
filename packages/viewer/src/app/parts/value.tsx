import type { Value, ViewedColumn } from '../../contract/columns.ts'
import { valueText } from '../format/values.ts'
import { Status } from './status.tsx'

/** A value as text, on its own writing direction; without one, a dash that is read as "no value". */
export function ShownValue({ value, column }: { value: Value | undefined; column: ViewedColumn }) {
  if (value === null || value === undefined) {
    return (
      <span className="none">
        <span aria-hidden="true">–</span>
        <span className="sr">no value</span>
      </span>
    )
  }
  if (column.name === 'status' && typeof value === 'string') return <Status status={value} />
  if (typeof value === 'boolean') return <span className={`boolean boolean-${value}`}>{value ? 'true' : 'false'}</span>
  return <bdi>{value === '' ? <span className="none">(empty)</span> : valueText(value, column)}</bdi>
}
