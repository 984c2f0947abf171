import { expect, test } from 'vitest'
import { anonymizer } from '../../../src/services/self-test/anonymous.ts'

const anonymous = anonymizer({
  projectId: 'my-project',
  projectNumber: '123456789012',
  folders: [
    ['/home/jane', '~'],
    ['/home/jane/work', '.'],
  ],
  hosts: ['janes-laptop', 'proxy.corp.example'],
})

test.each([
  ['deployed to my-project (123456789012)', 'deployed to PROJECT (PROJECT_NUMBER)'],
  ['imagery-runtime@my-project.iam.gserviceaccount.com is missing', 'ACCOUNT is missing'],
  ['gs://my-project-imagery-us-central1/x', 'gs://PROJECT-imagery-us-central1/x'],
  ['called https://imagery-main-abc123xyz-uc.a.run.app/health', 'called SERVICE_URL/health'],
  ['--member principal://iam.googleapis.com/locations/global/x/subject/jane', '--member PRINCIPAL'],
  ['billingAccounts/01AB23-45CD67-89EF01 is closed', 'billingAccounts/BILLING_ACCOUNT is closed'],
  ['organizations/4711 and folders/815 forbid it', 'organizations/NUMBER and folders/NUMBER forbid it'],
  ["denied on 'projects/quota-project/locations/x'", "denied on 'projects/ANOTHER_PROJECT/locations/x'"],
  ['enable?project=quota-project', 'enable?project=ANOTHER_PROJECT'],
  ['connect ECONNREFUSED 10.1.2.3:3128', 'connect ECONNREFUSED ADDRESS:3128'],
  ['proxy.corp.example refused janes-laptop', 'HOST refused HOST'],
  ['/home/jane/work/a.csv and /home/jane/b.csv', './a.csv and ~/b.csv'],
])('a report does not say %s', (text, expected) => {
  expect(anonymous({ [text]: [text] })).toEqual({ [expected]: [expected] })
})

test('other names and numbers stay as they are', () => {
  const text =
    'http://127.0.0.1:8080 answered 403 in us-central1 at 2026-11-30T15:00:00.000Z; my-projects, projects/PROJECT'
  expect(anonymous(text)).toBe(text)
})
