import type { Hono } from 'hono'
import type { Operation } from '../../kernel/gateway.ts'
import { NOTHING } from '../../kernel/needs.ts'
import { onProject, projectName } from './permissions.ts'
import { policyResource } from './policy.ts'
import { jsonBody, textList, wantedPolicy } from './requests.ts'
import { testPermissions, type AccountServices } from './service-account-routes.ts'

export interface ProjectServices extends AccountServices {
  /** When the project was created, in milliseconds since 1970. */
  createdMs: number
}

/**
 * The local project in Resource Manager, v3 and v1
 * (https://cloud.google.com/resource-manager/reference/rest/v3/projects). Any other project gets the response for a
 * project without access.
 */
export function projectRoutes(app: Hono, operation: Operation, services: ProjectServices): void {
  const { authorizer, policies, projectId } = services
  const own = `projects/${projectId}`

  for (const version of ['v3', 'v1'] as const) {
    app.get(
      `/${version}/projects/:project{[^/:]+}`,
      operation(
        'cloudresourcemanager.projects.get',
        () => Response.json(version === 'v3' ? projectV3(services) : projectV1(services)),
        onProject('resourcemanager.projects.get', services),
      ),
    )
    app.post(
      `/${version}/projects/:project{[^/:]+:getIamPolicy}`,
      operation(
        'cloudresourcemanager.projects.getIamPolicy',
        () => Response.json(policyResource(policies.get(own))),
        onProject('resourcemanager.projects.getIamPolicy', services),
      ),
    )
    app.post(
      `/${version}/projects/:project{[^/:]+:setIamPolicy}`,
      operation(
        'cloudresourcemanager.projects.setIamPolicy',
        async (context) => {
          const body = await jsonBody(context)
          return Response.json(policyResource(policies.set(own, wantedPolicy(body['policy']))))
        },
        onProject('resourcemanager.projects.setIamPolicy', services),
      ),
    )
    app.post(
      `/${version}/projects/:project{[^/:]+:testIamPermissions}`,
      operation(
        'cloudresourcemanager.projects.testIamPermissions',
        async (context, principal) => {
          const permissions = textList(await jsonBody(context), 'permissions')
          return testPermissions(authorizer, principal, permissions, projectName(context))
        },
        { needs: NOTHING },
      ),
    )
  }
}

function projectV3({ projectId, projectNumber, createdMs }: ProjectServices): object {
  const createTime = new Date(createdMs).toISOString()
  return {
    name: `projects/${projectNumber}`,
    projectId,
    state: 'ACTIVE',
    displayName: projectId,
    createTime,
    updateTime: createTime,
    etag: `W/"${Buffer.from(projectNumber).toString('hex')}"`,
  }
}

function projectV1({ projectId, projectNumber, createdMs }: ProjectServices): object {
  const createTime = new Date(createdMs).toISOString()
  return { projectNumber, projectId, lifecycleState: 'ACTIVE', name: projectId, createTime }
}
