import { useEffect, useRef, useState, type FormEvent } from 'react'
import type { Value, ViewedColumn } from '../../contract/columns.ts'
import { editableText, parseOtherValue } from './right-value.ts'

interface Props {
  column: ViewedColumn
  /** The model's value, which is wrong. */
  wrong: Value | undefined
  /** The right value so far. */
  right: Value | undefined
  save: (value: Value) => void
  cancel: () => void
}

/** A field for the right value, as the column's kind needs it. Enter saves, Escape leaves. */
export function RightValueEditor({ column, wrong, right, save, cancel }: Props) {
  const all = column.kind === 'boolean' ? ['true', 'false'] : column.kind === 'enum' ? column.allowed : null
  const choices = all?.filter((choice) => choice !== String(wrong)) ?? null
  // A text or number is often nearly right, so it is there to be mended.
  const [text, setText] = useState(editableText(right ?? (choices === null ? wrong : undefined)))
  const [fault, setFault] = useState<string>()
  const field = useRef<HTMLInputElement & HTMLSelectElement>(null)
  useEffect(() => {
    field.current?.focus()
    if (field.current instanceof HTMLInputElement) field.current.select()
  }, [])
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    const parsed = parseOtherValue(text, column, wrong)
    if ('fault' in parsed) setFault(parsed.fault)
    else save(parsed.value)
  }
  const label = `Right value of ${column.name}`
  return (
    <form
      className="right-value"
      onSubmit={submit}
      onKeyDown={(event) => {
        if (event.key !== 'Escape') return
        event.preventDefault()
        event.stopPropagation()
        cancel()
      }}
    >
      {choices === null ? (
        <input
          ref={field}
          aria-label={label}
          aria-invalid={fault !== undefined}
          inputMode={column.kind === 'number' ? 'decimal' : 'text'}
          value={text}
          onChange={({ target }) => setText(target.value)}
        />
      ) : (
        <select
          ref={field}
          aria-label={label}
          value={text}
          onChange={({ target }) => setText(target.value)}
          onKeyDown={(event) => {
            if (event.key === 'Enter') submit(event)
          }}
        >
          {!choices.includes(text) && <option value={text}>choose…</option>}
          {choices.map((choice) => (
            <option key={choice}>{choice}</option>
          ))}
        </select>
      )}
      <button type="submit" className="primary small">
        Save
      </button>
      <button type="button" className="small" onClick={() => save(null)}>
        No value is right
      </button>
      {fault !== undefined && (
        <p role="alert" className="error-text">
          {fault}
        </p>
      )}
    </form>
  )
}
