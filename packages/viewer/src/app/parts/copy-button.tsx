import { useEffect, useState } from 'react'
import { copyText } from './copy.ts'

/** Copies a text, and says so. */
export function CopyButton({ text, label }: { text: string; label: string }) {
  const [state, setState] = useState<'ready' | 'copied' | 'refused'>('ready')
  useEffect(() => {
    if (state === 'ready') return
    const timer = setTimeout(() => setState('ready'), 2000)
    return () => clearTimeout(timer)
  }, [state])
  return (
    <button
      type="button"
      className="small"
      onClick={() => void copyText(text).then((isCopied) => setState(isCopied ? 'copied' : 'refused'))}
    >
      {state === 'ready' ? label : state === 'copied' ? 'Copied' : 'Not copied'}
      <span className="sr" role="status">
        {state === 'ready' ? '' : state === 'copied' ? 'Copied to the clipboard' : 'The browser refused to copy'}
      </span>
    </button>
  )
}
