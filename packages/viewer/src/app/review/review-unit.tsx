import { useEffect, useLayoutEffect, useRef, useState } from 'react'
import type { Value } from '../../contract/columns.ts'
import type { Mark, Verdict } from '../../contract/review.ts'
import { answerColumns } from '../data/columns.ts'
import { useShared } from '../data/source-context.ts'
import { useQuery } from '../data/use-query.ts'
import { Images } from '../detail/images.tsx'
import { count } from '../format/numbers.ts'
import { shortText } from '../../contract/short-text.ts'
import { Loading } from '../parts/empty.tsx'
import { Icon } from '../parts/icon.tsx'
import { Problem } from '../parts/problem.tsx'
import { Status } from '../parts/status.tsx'
import { isTyping } from '../shell/keys.ts'
import { markAnswer, markColumn, setNote, setRightValue } from './marking.ts'
import { ReviewItem } from './review-item.tsx'

interface Props {
  unitId: string
  nextId: string | undefined
  place: number
  total: number
  mark: Mark | null
  save: (mark: Mark | null) => void
  go: (step: number) => void
  undo: () => void
  canUndo: boolean
  end: () => void
}

const VERDICTS: Record<string, Verdict> = { '1': 'right', '2': 'wrong', '3': 'unsure' }

/** One asset to review: its images, and its answer as a list to mark. The first item is the whole answer. */
export function ReviewUnit({ unitId, nextId, place, total, mark, save, go, undo, canUndo, end }: Props) {
  const { source, run, version } = useShared()
  const { data: unit, error, retry } = useQuery(unitId, version, () => source.unit(unitId))
  const [chosen, setChosen] = useState(0)
  const [editing, setEditing] = useState<string>()
  const note = useRef<HTMLTextAreaElement>(null)
  const columns = answerColumns(run)

  useEffect(() => {
    const address = nextId === undefined ? null : source.imageUrl(nextId, 0, 'full')
    if (address !== null) new Image().src = address
  }, [source, nextId])

  const decide = (item: number, verdict: Verdict | null): void => {
    if (unit === undefined) return
    const column = columns[item - 1]
    if (column === undefined) {
      save(markAnswer(mark, unitId, verdict, new Date()))
      if (verdict !== null) go(1)
      return
    }
    const value = unit.values[column.name]
    const next = markColumn(mark, unitId, { column: column.name, verdict, value }, new Date())
    save(next)
    const needsValue = next?.columns[column.name]?.verdict === 'wrong' && typeof value !== 'boolean'
    if (needsValue) setEditing(column.name)
    else if (verdict !== null) setChosen(Math.min(columns.length, item + 1))
  }
  const finishEditing = (item: number): void => {
    setEditing(undefined)
    setChosen(Math.min(columns.length, item + 1))
  }

  // As soon as the answer is there: a key pressed before a later effect would be lost.
  useLayoutEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return
      if (document.querySelector('dialog[open]') !== null) return
      const key = event.key.toLowerCase()
      const verdict = VERDICTS[key]
      const column = columns[chosen - 1]
      if (verdict !== undefined) decide(chosen, verdict)
      else if (key === '0') decide(chosen, null)
      else if (key === 'arrowdown') setChosen(Math.min(columns.length, chosen + 1))
      else if (key === 'arrowup') setChosen(Math.max(0, chosen - 1))
      else if (key === 'arrowright') go(1)
      else if (key === 'arrowleft') go(-1)
      else if (key === 'z') undo()
      else if (key === 'n') note.current?.focus()
      else if (key === 'e' && column !== undefined) setEditing(column.name)
      else return
      event.preventDefault()
    }
    window.addEventListener('keydown', onKeyDown)
    return () => window.removeEventListener('keydown', onKeyDown)
  })

  return (
    <div className="review-unit">
      <div className="review-bar">
        <button
          type="button"
          className="icon"
          aria-label="Previous asset"
          title="Previous (←)"
          disabled={place === 0}
          onClick={() => go(-1)}
        >
          <Icon name="previous" />
        </button>
        <span>
          {count(place + 1)} of {count(total)}
        </span>
        <button type="button" className="icon" aria-label="Next asset" title="Next (→)" onClick={() => go(1)}>
          <Icon name="next" />
        </button>
        <progress aria-label="Place in the draw" max={total} value={place} />
        <bdi className="review-id" title={unitId}>
          {shortText(unitId, 36)}
        </bdi>
        {unit !== undefined && <Status status={unit.status} />}
        <span className="spacer" />
        <button type="button" className="small" disabled={!canUndo} onClick={undo} title="Undo (Z)">
          Undo
        </button>
        <button type="button" className="small" onClick={end}>
          New draw
        </button>
      </div>
      {error !== undefined && <Problem error={error} retry={retry} />}
      {unit === undefined && error === undefined && <Loading what="the asset" />}
      {unit !== undefined && (
        <div className="review-body">
          {run.has_images && (
            <div className="unit-images">
              <Images unitId={unitId} images={unit.images} />
            </div>
          )}
          <div className="review-answer">
            <ol className="review-items" aria-label="Answer">
              <ReviewItem
                name="Whole answer"
                isChosen={chosen === 0}
                verdict={mark?.verdict ?? null}
                choose={() => setChosen(0)}
                decide={(verdict) => decide(0, verdict)}
              />
              {columns.map((column, index) => (
                <ReviewItem
                  key={column.name}
                  name={column.name}
                  column={column}
                  value={unit.values[column.name]}
                  mark={mark?.columns[column.name]}
                  isChosen={chosen === index + 1}
                  verdict={mark?.columns[column.name]?.verdict ?? null}
                  isEditing={editing === column.name}
                  choose={() => setChosen(index + 1)}
                  decide={(verdict) => {
                    setChosen(index + 1)
                    decide(index + 1, verdict)
                  }}
                  edit={() => setEditing(column.name)}
                  saveValue={(right: Value) => {
                    save(setRightValue(mark, unitId, column.name, right, new Date()))
                    finishEditing(index + 1)
                  }}
                  cancel={() => finishEditing(index + 1)}
                />
              ))}
            </ol>
            <label className="note">
              <span>
                Note <kbd>N</kbd>
              </span>
              <textarea
                ref={note}
                rows={2}
                defaultValue={mark?.note ?? ''}
                onBlur={({ target }) => {
                  if (target.value !== (mark?.note ?? '')) save(setNote(mark, unitId, target.value, new Date()))
                }}
                onKeyDown={(event) => {
                  if (event.key === 'Escape') event.currentTarget.blur()
                }}
              />
            </label>
            <p className="key-line muted">
              <kbd>1</kbd> right <kbd>2</kbd> wrong <kbd>3</kbd> unsure <kbd>↑</kbd>
              <kbd>↓</kbd> choose <kbd>E</kbd> right value <kbd>→</kbd> next <kbd>Z</kbd> undo <kbd>?</kbd> all keys
            </p>
          </div>
        </div>
      )}
    </div>
  )
}
