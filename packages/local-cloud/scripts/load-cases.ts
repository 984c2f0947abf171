import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { CASE_GROUPS } from '../test/bigquery/load-cases/groups.ts'
import { evidenceOf } from '../test/bigquery/load-cases/load-case.ts'

/**
 * Writes packages/local-cloud/docs/load-jobs.md from the cases that test/bigquery/load-cases.test.ts runs, so that the page
 * lists no behavior that is not tested.
 */
const page = path.join(import.meta.dirname, '..', 'docs', 'load-jobs.md')

const INTRODUCTION = `# Load jobs

What BigQuery does with the files of a load job, and where the knowledge comes from. The local cloud does the same: every row
of these tables is a test (\`packages/local-cloud/test/bigquery/load-cases\`). \`npm run docs\` writes this page.

- **documented**: the page says so.
- **observed**: someone saw it on Google and published it.

No developer of imagery had a Google Cloud project. If BigQuery does something else for you, this page is wrong: please open an
issue.
`

const words = (text: string): string => text.replaceAll('|', '\\|').replaceAll('`', '\\`').replaceAll('_', '\\_')

/** The text of packages/local-cloud/docs/load-jobs.md. */
export function loadCasesPage(): string {
  const sections = Object.entries(CASE_GROUPS).map(([group, { cases }]) => {
    const rows = cases.map((each) => `| ${words(each.says)} | ${evidenceOf(each)} | <${each.source}> |`)
    const title = group[0]!.toUpperCase() + group.slice(1)
    return [`## ${title}`, '', '| behavior | evidence | source |', '|---|---|---|', ...rows, ''].join('\n')
  })
  return [INTRODUCTION, ...sections].join('\n')
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) writeFileSync(page, loadCasesPage())
