import type { Demand } from '../../kernel/api.ts'
import { actAs, need, NOTHING, projectOf } from '../../kernel/needs.ts'
import type { WireSubscription } from './subscription-wire.ts'
import type { WireTopic } from './topic-wire.ts'

// eslint-disable-next-line typescript/no-explicit-any -- requests are of as many types as there are methods
type Needs = Record<string, (request: any) => readonly Demand[]>

interface OfSubscription {
  subscription: string
}
interface OfTopic {
  topic: string
}
interface OfResource {
  resource: string
}
interface OfProject {
  project: string
}

const consume = ({ subscription }: OfSubscription): Demand[] => need('pubsub.subscriptions.consume', subscription)

/**
 * The permissions of the methods, by full name
 * (https://cloud.google.com/pubsub/docs/access-control#required_permissions).
 *
 * @param topicOf the topic of a subscription
 */
export function pubSubNeeds(topicOf: (subscription: string) => string | undefined): Needs {
  const publisher: Needs = {
    CreateTopic: ({ name }: WireTopic) => need('pubsub.topics.create', projectOf(name)),
    GetTopic: ({ topic }: OfTopic) => need('pubsub.topics.get', topic),
    UpdateTopic: ({ topic }: { topic: WireTopic | null }) => need('pubsub.topics.update', topic?.name ?? ''),
    DeleteTopic: ({ topic }: OfTopic) => need('pubsub.topics.delete', topic),
    ListTopics: ({ project }: OfProject) => need('pubsub.topics.list', project),
    ListTopicSubscriptions: ({ topic }: OfTopic) => need('pubsub.topics.get', topic),
    Publish: ({ topic }: OfTopic) => need('pubsub.topics.publish', topic),
    DetachSubscription: ({ subscription }: OfSubscription) =>
      need('pubsub.topics.detachSubscription', topicOf(subscription) ?? projectOf(subscription)),
  }
  const subscriber: Needs = {
    CreateSubscription: ({ name, topic, pushConfig }: WireSubscription) => [
      ...need('pubsub.subscriptions.create', projectOf(name)),
      ...need('pubsub.topics.attachSubscription', topic),
      ...pushNeeds(name, pushConfig),
    ],
    GetSubscription: ({ subscription }: OfSubscription) => need('pubsub.subscriptions.get', subscription),
    UpdateSubscription: ({ subscription }: { subscription: WireSubscription | null }) => [
      ...need('pubsub.subscriptions.update', subscription?.name ?? ''),
      ...pushNeeds(subscription?.name ?? '', subscription?.pushConfig),
    ],
    DeleteSubscription: ({ subscription }: OfSubscription) => need('pubsub.subscriptions.delete', subscription),
    ListSubscriptions: ({ project }: OfProject) => need('pubsub.subscriptions.list', project),
    ModifyPushConfig: ({ subscription, pushConfig }: OfSubscription & Pick<WireSubscription, 'pushConfig'>) => [
      ...need('pubsub.subscriptions.update', subscription),
      ...pushNeeds(subscription, pushConfig),
    ],
    Pull: consume,
    Acknowledge: consume,
    ModifyAckDeadline: consume,
  }
  const policies: Needs = {
    'google.iam.v1.IAMPolicy/GetIamPolicy': ({ resource }: OfResource) => need('pubsub.topics.getIamPolicy', resource),
    'google.iam.v1.IAMPolicy/SetIamPolicy': ({ resource }: OfResource) => need('pubsub.topics.setIamPolicy', resource),
    'google.iam.v1.IAMPolicy/TestIamPermissions': NOTHING,
  }
  return { ...named('Publisher', publisher), ...named('Subscriber', subscriber), ...policies }
}

function named(service: string, needs: Needs): Needs {
  return Object.fromEntries(
    Object.entries(needs).map(([method, rule]) => [`google.pubsub.v1.${service}/${method}`, rule]),
  )
}

/** The account whose token the pushes carry (https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions). */
function pushNeeds(resource: string, pushConfig: WireSubscription['pushConfig'] | undefined): Demand[] {
  return actAs(pushConfig?.oidcToken?.serviceAccountEmail, resource, 'pubsub')
}
