import { SourceError } from '../contract/source-error.ts'
import { readReport } from '../memory/read-report.ts'
import { start } from './start.tsx'

/** The page of a report, whose data is in it. */
async function show(): Promise<void> {
  const source = await readReport({
    texts(kind) {
      const found = [...document.querySelectorAll(`script[data-report="${kind}"]`)]
      // The text is as large as all rows, and is not needed again.
      return found.map((element) => {
        element.remove()
        return element.textContent
      })
    },
    text: (id) => document.getElementById(id)?.textContent,
  })
  start(source)
}

show().catch((error: unknown) => {
  const message = document.createElement('p')
  const advice = error instanceof SourceError ? error.suggestions : []
  message.setAttribute('role', 'alert')
  message.textContent = [error instanceof Error ? error.message : String(error), ...advice].join('. ')
  document.getElementById('root')?.replaceChildren(message)
})
