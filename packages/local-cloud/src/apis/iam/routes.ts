import { Hono } from 'hono'
import type { Clock } from '../../kernel/clock.ts'
import { notEmulated } from '../../kernel/errors.ts'
import type { Operation } from '../../kernel/gateway.ts'
import { NOTHING } from '../../kernel/needs.ts'
import type { AccountKeys } from './account-keys.ts'
import { credentialRoutes, type TokenIssuer } from './credential-routes.ts'
import { keyRoutes } from './key-routes.ts'
import { projectRoutes, type ProjectServices } from './project-routes.ts'
import { serviceAccountRoutes } from './service-account-routes.ts'

/** The REST APIs of IAM, IAM Credentials and Resource Manager. Their other methods are refused by name. */
export function iamRoutes(
  operation: Operation,
  services: ProjectServices & { keys: AccountKeys; tokens: TokenIssuer; clock: Clock },
): Hono {
  const app = new Hono()
  credentialRoutes(app, operation, services)
  keyRoutes(app, operation, services)
  serviceAccountRoutes(app, operation, services)
  projectRoutes(app, operation, services)
  app.all(
    '*',
    operation(
      'iam.unknown',
      (context) => {
        throw notEmulated(`${context.req.method} ${context.req.path}`)
      },
      { needs: NOTHING },
    ),
  )
  return app
}
