import { useEffect, useRef, useState } from 'react'

const AFTER_MS = 200

/**
 * The text of a field that takes effect a moment after the last letter.
 *
 * @param text the text that is in effect, which can also change without the field
 * @param apply puts a text into effect
 */
export function useLateText(text: string, apply: (text: string) => void): [string, (text: string) => void] {
  const [typed, setTyped] = useState(text)
  const sent = useRef(text)
  const latest = useRef(apply)
  latest.current = apply
  useEffect(() => {
    if (text === sent.current) return
    sent.current = text
    setTyped(text)
  }, [text])
  useEffect(() => {
    if (typed === sent.current) return
    const timer = setTimeout(() => {
      sent.current = typed
      latest.current(typed)
    }, AFTER_MS)
    return () => clearTimeout(timer)
  }, [typed])
  return [typed, setTyped]
}
