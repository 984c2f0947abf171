import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { GRANTS, type Grant, type Grantee } from '../src/contracts/grants.ts'
import { CHECKING_SERVICES, REQUIRED_SERVICES } from '../src/contracts/required-services.ts'

/** Writes the tables in docs/deploy.md from the data that `imagery deploy` uses. */
const page = path.join(fileURLToPath(new URL('..', import.meta.url)), 'docs', 'deploy.md')

const WHO: Record<Grantee, string> = {
  deployer: 'the deployer, who runs `imagery deploy`',
  runner: 'the runner, who starts runs',
  runtime: '`imagery-runtime`, the account of the services',
  invoker: '`imagery-invoker`, the account that calls the services',
  builder: '`imagery-builder`, the account of the build',
  'vertex agent':
    '`service-PROJECT_NUMBER@gcp-sa-aiplatform.iam.gserviceaccount.com`, with which Vertex AI reads images',
}

const BY: Record<Grant['by'], string> = {
  you: 'you, in advance',
  deploy: '`imagery deploy`',
  run: '`imagery run`',
}

function permissionsTable(): string {
  const sections = Object.entries(WHO).map(([to, who]) => {
    const rows = GRANTS.filter((grant) => grant.to === to).map(
      ({ role, on, why, by }) => `| \`${role}\` | ${onText(on)} | ${why} | ${BY[by]} |`,
    )
    return `**${who[0] === '`' ? who : who[0]!.toUpperCase() + who.slice(1)}**\n\n| role | on | why | granted by |\n|---|---|---|---|\n${rows.join('\n')}\n`
  })
  return sections.join('\n')
}

function onText(on: Grant['on']): string {
  return on.startsWith('account ') ? `\`imagery-${on.slice('account '.length)}\`` : `the ${on}`
}

function servicesTable(): string {
  const rows = REQUIRED_SERVICES.map(
    ({ name, why, forBuilding }) => `| \`${name}\` | ${why}${forBuilding ? ' (not with `--image`)' : ''} |`,
  )
  const checking = CHECKING_SERVICES.map(({ name, why }) => `| \`${name}\` | ${why}, in a new project |`)
  return `| API | why |\n|---|---|\n${[...rows, ...checking].join('\n')}\n`
}

const SECTIONS = { permissions: permissionsTable, apis: servicesTable }

/** Returns the text of docs/deploy.md with fresh tables. Each table is between two marks, which stay. */
export function deployPage(text = readFileSync(page, 'utf8')): string {
  return Object.entries(SECTIONS).reduce((changed, [name, table]) => {
    const [begin, end] = [`<!-- ${name}: written by npm run docs -->\n`, `<!-- end of ${name} -->`]
    if (!changed.includes(begin) || !changed.includes(end)) throw new Error(`docs/deploy.md has no markers for ${name}`)
    const before = changed.slice(0, changed.indexOf(begin) + begin.length)
    return `${before}\n${table()}\n${changed.slice(changed.indexOf(end))}`
  }, text)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(page, deployPage())
