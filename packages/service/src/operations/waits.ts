import type { Decision, Keyring, Waiting } from '@rekey/keyring'

/** What the rotation loop of this instance last found each keyring to wait for. */
export interface Waits {
  /** To be told by the loop. */
  note(keyring: Pick<Keyring, 'name' | 'revision'>, decision: Pick<Decision, 'waiting'>): void
  /** Nothing where the document has changed since: another instance may have done what was waited for here. */
  of(keyring: Pick<Keyring, 'name' | 'revision'>): readonly Waiting[]
}

/** Keeps decisions as they are made, so that a scrape costs the database nothing. */
export function waitsNoted(): Waits {
  const noted = new Map<string, { revision: number; waiting: readonly Waiting[] }>()
  return {
    note: ({ name, revision }, { waiting }) => void noted.set(name, { revision, waiting }),
    of({ name, revision }) {
      const found = noted.get(name)
      return found?.revision === revision ? found.waiting : []
    },
  }
}
