import type { Context } from 'hono'
import type { Demand } from '../../kernel/api.ts'

type Needs = (context: Context) => readonly Demand[]

function onProject(permission: string): Needs {
  return (context) => [{ permission, resource: `projects/${context.req.param('project')}` }]
}

/** What Service Usage's methods need (https://cloud.google.com/service-usage/docs/access-control). */
export const SERVICE_USAGE_NEEDS = {
  get: onProject('serviceusage.services.get'),
  list: onProject('serviceusage.services.list'),
  enable: onProject('serviceusage.services.enable'),
  disable: onProject('serviceusage.services.disable'),
} as const
