import type { ViewedColumn } from '../../contract/columns.ts'
import type { Filter } from '../../contract/filter.ts'
import { useShared } from '../data/source-context.ts'
import { Icon } from '../parts/icon.tsx'

/** Files with what the filter keeps. A report has no server that writes them. */
export function ExportLinks({ filter, columns }: { filter: Filter; columns: ViewedColumn[] }) {
  const { source } = useShared()
  const names = ['unit_id', ...columns.map(({ name }) => name)]
  const csv = source.exportUrl('csv', filter, names)
  const jsonl = source.exportUrl('jsonl', filter, names)
  if (csv === null && jsonl === null) return null
  return (
    <span className="export">
      {csv !== null && (
        <a className="button" href={csv} download>
          <Icon name="download" /> CSV
        </a>
      )}
      {jsonl !== null && (
        <a className="button" href={jsonl} download>
          <Icon name="download" /> JSONL
        </a>
      )}
    </span>
  )
}
