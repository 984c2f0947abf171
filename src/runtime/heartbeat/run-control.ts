import type { HeartbeatChain } from './chain.ts'
import type { Heartbeats } from './heartbeats.ts'
import type { OwnUrlRules } from './own-url.ts'

/** What lets a run end without a command. */
export interface RunControl {
  chain: Pick<HeartbeatChain, 'touch' | 'begin'>
  /** Loaded when it is needed, because a new instance must pass its health check first. */
  heartbeats: () => Promise<Heartbeats>
  ownUrl: OwnUrlRules
}
