import type { ColumnRole } from '../../contract/columns.ts'
import type { UnitDetail } from '../../contract/source.ts'
import { useShared } from '../data/source-context.ts'
import { CopyButton } from '../parts/copy-button.tsx'
import { Status } from '../parts/status.tsx'
import { LongValue } from '../parts/long-value.tsx'
import { Attempts } from './attempts.tsx'
import { ImageLinks } from './image-links.tsx'
import { Images } from './images.tsx'
import { TextBlock } from '../parts/text-block.tsx'

const GROUPS: [ColumnRole, string][] = [
  ['answer', 'Answer'],
  ['kept', 'Your columns'],
  ['record', 'Record'],
]

/** The images of a unit beside its answer and record. */
export function UnitView({ unit }: { unit: UnitDetail }) {
  const { run } = useShared()
  return (
    <div className="unit">
      {run.has_images && (
        <div className="unit-images">
          <Images unitId={unit.unit_id} images={unit.images} />
        </div>
      )}
      <div className="unit-facts">
        <p className="unit-head">
          <Status status={unit.status} />
          {unit.asset_id !== null && unit.asset_id !== unit.unit_id && (
            <span>
              asset <bdi>{unit.asset_id}</bdi>
            </span>
          )}
          {unit.location !== null && (
            <span>
              {unit.location.latitude.toFixed(6)}, {unit.location.longitude.toFixed(6)}
            </span>
          )}
          {unit.mark?.verdict && (
            <span className={`verdict verdict-${unit.mark.verdict}`}>reviewed: {unit.mark.verdict}</span>
          )}
        </p>
        {GROUPS.map(([role, title]) => {
          const columns = run.columns.filter((column) => column.role === role && column.name !== 'unit_id')
          if (columns.length === 0) return null
          const list = (
            <dl className="values">
              {columns.map((column) => {
                const mark = unit.mark?.columns[column.name]
                return (
                  <div key={column.name}>
                    <dt title={column.description ?? undefined}>
                      <bdi>{column.name}</bdi>
                    </dt>
                    <dd>
                      <LongValue value={unit.values[column.name]} column={column} />
                      {mark !== undefined && <span className={`verdict verdict-${mark.verdict}`}>{mark.verdict}</span>}
                    </dd>
                  </div>
                )
              })}
            </dl>
          )
          return role === 'record' ? (
            <details key={role} className="unit-section">
              <summary>{title}</summary>
              {list}
            </details>
          ) : (
            <section key={role} className="unit-section" aria-label={title}>
              <h3>{title}</h3>
              {list}
            </section>
          )
        })}
        <Attempts attempts={unit.attempts} />
        {run.prompt !== '' && (
          <details className="unit-section">
            <summary>Prompt</summary>
            <TextBlock text={run.prompt} />
          </details>
        )}
        <ImageLinks images={unit.images} />
        <details className="unit-section">
          <summary>Command and SQL</summary>
          <Code text={unit.command} />
          <Code text={unit.sql} />
        </details>
      </div>
    </div>
  )
}

function Code({ text }: { text: string }) {
  return (
    <div className="code">
      <TextBlock text={text} />
      <CopyButton text={text} label="Copy" />
    </div>
  )
}
