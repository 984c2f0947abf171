import { memo } from 'react'
import type { ViewedColumn } from '../../contract/columns.ts'
import type { PageRow, ResultsSource } from '../../contract/source.ts'
import { shortText } from '../../contract/short-text.ts'
import { Status } from '../parts/status.tsx'
import { Thumbnail } from '../parts/thumbnail.tsx'
import { ShownValue } from '../parts/value.tsx'

const MOST_LETTERS = 26

interface Props {
  place: number
  /** Undefined while it is on its way. */
  row: PageRow | undefined
  source: ResultsSource
  columns: ViewedColumn[]
  imageHeight: number
  isActive: boolean
  open: (unit: string, at: number) => void
  onFocus: (place: number) => void
}

/** The first image of a unit above its answer. */
export const Card = memo(function Card({ place, row, source, columns, imageHeight, isActive, open, onFocus }: Props) {
  return (
    <button
      type="button"
      className="card"
      data-place={place}
      tabIndex={isActive ? 0 : -1}
      disabled={row === undefined}
      onFocus={() => onFocus(place)}
      onClick={() => row !== undefined && open(row.unit_id, place)}
    >
      <span className="card-image" style={{ height: imageHeight }}>
        {row !== undefined && (
          <Thumbnail address={row.images === 0 ? null : source.imageUrl(row.unit_id, 0, 'thumbnail')} name="" />
        )}
        {row !== undefined && row.images > 1 && <span className="card-count">{row.images} images</span>}
      </span>
      <span className="card-head">
        {row === undefined ? (
          <span className="skeleton" />
        ) : (
          <bdi className="card-id" title={row.unit_id}>
            {shortText(row.unit_id, MOST_LETTERS)}
          </bdi>
        )}
        {row !== undefined && row.status !== 'ok' && <Status status={row.status} />}
      </span>
      {columns.map((column) => (
        <span key={column.name} className="card-line" title={column.name}>
          <span className="card-name">{column.name}</span>
          {row !== undefined && <ShownValue value={row.values[column.name]} column={column} />}
        </span>
      ))}
    </button>
  )
})
