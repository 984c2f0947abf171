import { useEffect, useRef } from 'react'
import type { ColumnRole, ViewedColumn } from '../../contract/columns.ts'
import { usualColumns } from '../data/columns.ts'
import { useShared } from '../data/source-context.ts'
import { Icon } from '../parts/icon.tsx'
import type { ChangeView } from '../state/use-view-state.ts'

const GROUPS: [ColumnRole, string][] = [
  ['answer', 'Answers'],
  ['kept', 'Your table'],
  ['record', 'Record'],
]

/** Which columns the table and the gallery show. */
export function ColumnChooser({ chosen, change }: { chosen: readonly ViewedColumn[]; change: ChangeView }) {
  const { run } = useShared()
  const details = useRef<HTMLDetailsElement>(null)
  const names = chosen.map(({ name }) => name)
  const choose = (name: string): void => {
    const next = new Set(names.includes(name) ? names.filter((each) => each !== name) : [...names, name])
    // In the order of the run, so that a column comes back where it was.
    const columns = run.columns.filter((column) => next.has(column.name)).map((column) => column.name)
    const usual = usualColumns(run).map((column) => column.name)
    const isUsual = columns.length === usual.length && columns.every((column, index) => column === usual[index])
    change({ columns: isUsual || columns.length === 0 ? null : columns }, 'replace')
  }
  useEffect(() => {
    const close = (event: Event): void => {
      const isEscape = event instanceof KeyboardEvent && event.key === 'Escape'
      const isOutside = event.type === 'pointerdown' && !details.current?.contains(event.target as Node)
      if (details.current !== null && (isEscape || isOutside)) details.current.open = false
    }
    window.addEventListener('pointerdown', close)
    window.addEventListener('keydown', close)
    return () => {
      window.removeEventListener('pointerdown', close)
      window.removeEventListener('keydown', close)
    }
  }, [])
  return (
    <details className="popover" ref={details}>
      <summary className="button">
        <Icon name="columns" /> Columns
      </summary>
      <div className="popover-inside">
        {GROUPS.map(([role, title]) => {
          const columns = run.columns.filter((column) => column.role === role && column.name !== 'unit_id')
          return columns.length === 0 ? null : (
            <fieldset key={role}>
              <legend>{title}</legend>
              {columns.map(({ name, description }) => (
                <label key={name} title={description ?? undefined}>
                  <input type="checkbox" checked={names.includes(name)} onChange={() => choose(name)} />
                  <bdi>{name}</bdi>
                </label>
              ))}
            </fieldset>
          )
        })}
        <button type="button" className="link" onClick={() => change({ columns: null }, 'replace')}>
          Usual columns
        </button>
      </div>
    </details>
  )
}
