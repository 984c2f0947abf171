import { useEffect, useRef } from 'react'
import type { Value, ViewedColumn } from '../../contract/columns.ts'
import type { ColumnMark, Verdict } from '../../contract/review.ts'
import { LongValue } from '../parts/long-value.tsx'
import { RightValueEditor } from './right-value-editor.tsx'

interface Props {
  name: string
  /** Absent for the whole answer. */
  column?: ViewedColumn
  value?: Value | undefined
  mark?: ColumnMark | undefined
  verdict: Verdict | null
  isChosen: boolean
  isEditing?: boolean
  choose: () => void
  /** Null takes the verdict back. */
  decide: (verdict: Verdict | null) => void
  edit?: () => void
  saveValue?: (value: Value) => void
  cancel?: () => void
}

const SIGNS: [Verdict, string, key: string][] = [
  ['right', '✓', '1'],
  ['wrong', '✗', '2'],
  ['unsure', '?', '3'],
]

/** The whole answer or one column of it, with a button for each verdict. */
export function ReviewItem(props: Props) {
  const { name, column, value, mark, verdict, isChosen, isEditing, choose, decide, edit, saveValue, cancel } = props
  const item = useRef<HTMLLIElement>(null)
  useEffect(() => {
    if (isChosen) item.current?.scrollIntoView({ block: 'nearest' })
  }, [isChosen])
  return (
    <li
      ref={item}
      className={`review-item ${isChosen ? 'chosen' : ''} ${column === undefined ? 'whole' : ''}`}
      aria-current={isChosen}
      onPointerDown={choose}
    >
      <div className="review-line">
        <bdi className="review-name">{name}</bdi>
        <span className="review-value">{column !== undefined && <LongValue value={value} column={column} />}</span>
        <span className="verdicts" role="group" aria-label={`Verdict of ${name}`}>
          {SIGNS.map(([each, sign, key]) => (
            <button
              key={each}
              type="button"
              className={`verdict-button ${each}`}
              aria-pressed={verdict === each}
              aria-label={each}
              title={`${each} (${key})`}
              onClick={() => decide(verdict === each ? null : each)}
            >
              {sign}
            </button>
          ))}
        </span>
      </div>
      {column !== undefined && mark?.right_value !== undefined && isEditing !== true && (
        <p className="right-is">
          right value: <LongValue value={mark.right_value} column={column} />{' '}
          <button type="button" className="link" onClick={edit}>
            Change
          </button>
        </p>
      )}
      {column !== undefined && mark?.verdict === 'wrong' && mark.right_value === undefined && isEditing !== true && (
        <p className="right-is">
          <button type="button" className="link" onClick={edit}>
            Enter the right value
          </button>
        </p>
      )}
      {column !== undefined && isEditing === true && saveValue !== undefined && cancel !== undefined && (
        <RightValueEditor column={column} wrong={value} right={mark?.right_value} save={saveValue} cancel={cancel} />
      )}
    </li>
  )
}
