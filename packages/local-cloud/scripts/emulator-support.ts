import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import * as z from 'zod'

/**
 * Writes packages/local-cloud/docs/emulator-support.md from each API's `support.ts`: lists of `{method, state, note}`,
 * kept beside the code that they describe.
 */
const root = fileURLToPath(new URL('..', import.meta.url))
const apis = path.join(root, 'src', 'apis')
const page = path.join(root, 'docs', 'emulator-support.md')

const support = z.array(
  z.strictObject({ method: z.string(), state: z.enum(['yes', 'partly', 'no']), note: z.string() }),
)

/** Title and Google's reference for every API, in the page's order. */
const SECTIONS: Record<string, { title: string; reference: string }> = {
  bigquery: { title: 'BigQuery', reference: 'https://cloud.google.com/bigquery/docs/reference/rest' },
  storage: { title: 'Cloud Storage', reference: 'https://cloud.google.com/storage/docs/json_api/v1' },
  tasks: { title: 'Cloud Tasks', reference: 'https://cloud.google.com/tasks/docs/reference/rpc' },
  pubsub: { title: 'Pub/Sub', reference: 'https://cloud.google.com/pubsub/docs/reference/rpc' },
  'cloud-run': { title: 'Cloud Run', reference: 'https://cloud.google.com/run/docs/reference/rpc' },
  'service-usage': {
    title: 'Service Usage',
    reference: 'https://cloud.google.com/service-usage/docs/reference/rest',
  },
  'artifact-registry': {
    title: 'Artifact Registry',
    reference: 'https://cloud.google.com/artifact-registry/docs/reference/rest',
  },
  'cloud-build': {
    title: 'Cloud Build',
    reference: 'https://cloud.google.com/build/docs/api/reference/rest',
  },
  billing: { title: 'Cloud Billing', reference: 'https://cloud.google.com/billing/docs/reference/rest' },
  vertex: {
    title: 'Vertex AI',
    reference: 'https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference',
  },
  iam: { title: 'IAM', reference: 'https://cloud.google.com/iam/docs/reference/rest' },
  oauth: {
    title: 'OAuth token endpoint',
    reference: 'https://developers.google.com/identity/protocols/oauth2/service-account',
  },
  sts: {
    title: 'Security Token Service',
    reference: 'https://cloud.google.com/iam/docs/reference/sts/rest',
  },
  'org-policy': {
    title: 'Organization Policy',
    reference: 'https://cloud.google.com/resource-manager/docs/reference/orgpolicy/rest',
  },
  identity: { title: 'Identity', reference: 'https://cloud.google.com/docs/authentication' },
}

const HEAD = `# What the local cloud emulates

\`npm run docs\` writes this page from the lists beside the code (\`packages/local-cloud/src/apis/*/support.ts\`), and a test
checks that it is fresh. Methods and features that are missing here, or marked *no*, are refused by name: HTTP 501 or gRPC
UNIMPLEMENTED, in Google's own error format. The local cloud never pretends to emulate something.
`

/** The text of packages/local-cloud/docs/emulator-support.md. Throws when an API has no list, or a list has no section. */
export async function emulatorSupportPage(): Promise<string> {
  const folders = readdirSync(apis).filter((folder) => existsSync(path.join(apis, folder, 'index.ts')))
  const strangers = folders.filter((folder) => !(folder in SECTIONS))
  if (strangers.length > 0)
    throw new Error(
      `packages/local-cloud/scripts/emulator-support.ts has no section for packages/local-cloud/${strangers.join(', ')}`,
    )
  const sections = await Promise.all(
    Object.entries(SECTIONS).map(async ([folder, { title, reference }]) => {
      const lists = Object.values((await import(pathToFileURL(path.join(apis, folder, 'support.ts')).href)) as object)
      const entries = lists.filter((value) => Array.isArray(value)).flatMap((list) => support.parse(list))
      if (entries.length === 0) throw new Error(`packages/local-cloud/${folder}/support.ts exports no list`)
      const lines = entries.map(({ method, state, note }) => `| ${cell(method)} | ${state} | ${cell(note)} |`)
      return `\n## ${title}\n\n[Google's reference](${reference})\n\n| method or feature | emulated | notes |\n|---|---|---|\n${lines.join('\n')}\n`
    }),
  )
  return HEAD + sections.join('')
}

function cell(text: string): string {
  return text
    .replaceAll('|', String.raw`\|`)
    .replaceAll(/\s+/g, ' ')
    .trim()
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(page, await emulatorSupportPage())
