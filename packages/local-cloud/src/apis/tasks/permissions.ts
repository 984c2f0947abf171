import type { Demand } from '../../kernel/api.ts'
import { actAs, need } from '../../kernel/needs.ts'
import type { BatchCreateRequest, BatchDeleteRequest, CreateTaskRequest, TaskView, WireQueue } from './wire.ts'

// eslint-disable-next-line typescript/no-explicit-any -- requests are of as many types as there are methods
type Needs = Record<string, (request: any) => readonly Demand[]>

interface Viewed {
  responseView?: TaskView
}

/** The permissions of the methods, by full name (https://cloud.google.com/tasks/docs/access-control#permissions). */
export function taskNeeds(): Needs {
  const named = (version: string, needs: Needs): Needs =>
    Object.fromEntries(
      Object.entries(needs).map(([method, rule]) => [`google.cloud.tasks.${version}.CloudTasks/${method}`, rule]),
    )
  return { ...named('v2', METHODS), ...named('v2beta3', { ...METHODS, ...BATCHES }) }
}

/** The permission to read a batch's operation: the same as to start one. */
export function operationNeeds(name: string): readonly Demand[] {
  return need('cloudtasks.tasks.create', name)
}

const METHODS: Needs = {
  ListQueues: ({ parent }: { parent: string }) => need('cloudtasks.queues.list', parent),
  GetQueue: ({ name }: { name: string }) => need('cloudtasks.queues.get', name),
  CreateQueue: ({ parent }: { parent: string }) => need('cloudtasks.queues.create', parent),
  UpdateQueue: ({ queue }: { queue: WireQueue | null }) => need('cloudtasks.queues.update', queue?.name ?? ''),
  DeleteQueue: ({ name }: { name: string }) => need('cloudtasks.queues.delete', name),
  PurgeQueue: ({ name }: { name: string }) => need('cloudtasks.queues.purge', name),
  PauseQueue: ({ name }: { name: string }) => need('cloudtasks.queues.pause', name),
  ResumeQueue: ({ name }: { name: string }) => need('cloudtasks.queues.resume', name),
  ListTasks: (request: { parent: string } & Viewed) => withView(request, 'cloudtasks.tasks.list', request.parent),
  GetTask: (request: { name: string } & Viewed) => withView(request, 'cloudtasks.tasks.get', request.name),
  CreateTask: createNeeds,
  DeleteTask: ({ name }: { name: string }) => need('cloudtasks.tasks.delete', name),
  RunTask: (request: { name: string } & Viewed) => withView(request, 'cloudtasks.tasks.run', request.name),
}

const BATCHES: Needs = {
  BatchCreateTasks: ({ parent, requests }: BatchCreateRequest) => {
    const emails = new Set(requests.flatMap(({ task }) => accountOf(task) ?? []))
    return [
      ...need('cloudtasks.tasks.create', parent),
      ...(requests.some(({ responseView }) => responseView === 'FULL') ? fullView(parent) : []),
      ...[...emails].flatMap((email) => actAs(email, parent, 'cloudtasks')),
    ]
  },
  BatchDeleteTasks: ({ parent }: BatchDeleteRequest) => need('cloudtasks.tasks.delete', parent),
}

function createNeeds(request: CreateTaskRequest): readonly Demand[] {
  const { parent, task } = request
  return [...withView(request, 'cloudtasks.tasks.create', parent), ...actAs(accountOf(task), parent, 'cloudtasks')]
}

function withView({ responseView }: Viewed, permission: string, resource: string): Demand[] {
  return responseView === 'FULL' ? [...need(permission, resource), ...fullView(resource)] : need(permission, resource)
}

/**
 * https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues.tasks#View: FULL needs its own
 * permission.
 */
function fullView(resource: string): Demand[] {
  return need('cloudtasks.tasks.fullView', resource)
}

/** The account whose token the task carries (https://cloud.google.com/tasks/docs/creating-http-target-tasks#token). */
function accountOf(task: CreateTaskRequest['task']): string | undefined {
  return task?.httpRequest?.oidcToken?.serviceAccountEmail
}
