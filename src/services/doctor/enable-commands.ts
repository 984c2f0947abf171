import type { DeploymentRef } from '../../contracts/names.ts'
import { projectNumberOfServices } from '../../google/admin/service-usage.ts'
import type { CloudError } from '../../google/transport/errors.ts'
import type { CheckedThing } from './check.ts'

type Disabled = Pick<CloudError, 'service' | 'consumer'>

/**
 * Names the project of a refused call by its ID, if it is the deployment's. Google's refusals name it by its number
 * (https://cloud.google.com/apis/docs/troubleshooting#api_not_enabled).
 */
export async function withProjectId({ service, consumer }: Disabled, { projectId }: DeploymentRef): Promise<Disabled> {
  const number = /^projects\/(\d+)$/.exec(consumer ?? '')?.[1]
  // Without the permission to look, the number is as good as the ID.
  const isOwn = number !== undefined && number === (await projectNumberOfServices(projectId).catch(() => undefined))
  return { service, consumer: isOwn ? undefined : consumer }
}

const ENABLE = /^gcloud services enable (.+) --project (\S+)$/

interface Enables {
  services: string[]
  project: string
}

function enables(fix: string): Enables | undefined {
  const [, services, project] = ENABLE.exec(fix) ?? []
  return services === undefined || project === undefined ? undefined : { services: services.split(' '), project }
}

/** Leaves out each command that enables APIs if another check's command enables them too. */
export function withoutRepeats(checks: readonly CheckedThing[]): CheckedThing[] {
  const all = checks.flatMap(({ fixes }, index) => fixes.map((fix) => ({ index, enables: enables(fix) })))
  const isRepeated = (fix: string, at: number): boolean => {
    const mine = enables(fix)
    return all.some(({ index, enables: other }) => {
      if (!mine || !other || index === at || other.project !== mine.project) return false
      if (!mine.services.every((service) => other.services.includes(service))) return false
      return other.services.length > mine.services.length || index < at
    })
  }
  return checks.map((check, at) => ({ ...check, fixes: check.fixes.filter((fix) => !isRepeated(fix, at)) }))
}
