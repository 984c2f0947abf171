/** Text as it is. A long one scrolls by itself, so the keyboard can go to it. */
export function TextBlock({ text }: { text: string }) {
  return (
    <pre className="text" tabIndex={0}>
      {text}
    </pre>
  )
}
