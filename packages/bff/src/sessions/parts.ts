import type { Bff } from '../bff.ts'
import type { SessionMemory } from './memory.ts'

/** What sessions are made of. */
export type SessionParts = Pick<
  Bff,
  'clock' | 'connection' | 'keyrings' | 'log' | 'metrics' | 'provider' | 'requireLease' | 'sealer'
> & {
  readonly config: Pick<Bff['config'], 'publicUrl' | 'sessions'>
  readonly view: Pick<Bff['view'], 'databaseNow' | 'everywhere' | 'id'>
  /** On the same view. */
  readonly memory: SessionMemory
}
