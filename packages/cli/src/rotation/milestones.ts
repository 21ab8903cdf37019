import { activeOf, type KeyringView, standbyOf, type VersionView, type Waiting } from '../client/keyring.ts'
import type { Milestone } from '../terminal/progress.ts'
import { gateSentence } from './gate.ts'
import { wordsOf } from './words.ts'

/** How far a rotation is followed. */
export type Until = 'active' | 'retired'

/**
 * Reads from a keyring how far the rotation away from version `from` has come. Planned or forced, one's own or a
 * colleague's: only what the keyring says counts.
 *
 * @param from id of the version that was active when the rotation was asked for; undefined when there was none
 */
export function milestones(keyring: KeyringView, from: string | undefined, until: Until, now: number): Milestone[] {
  const active = activeOf(keyring)
  const switched = active !== undefined && active.id !== from
  const successor = switched ? active : standbyOf(keyring)
  const old = keyring.versions.find((version) => version.id === from)
  const words = wordsOf(keyring)
  const path: Step[] = [
    { title: ['successor', successor?.id, 'prepared'].filter(Boolean).join(' '), done: successor !== undefined },
    {
      title: words.served,
      done: switched || successor?.servedAt !== undefined,
      step: 'serve',
      of: successor,
    },
    { title: words.propagated, done: switched, step: 'activate', of: successor },
    { title: `${words.used} it`, done: switched && stopped(old), step: 'demote', of: old },
  ]
  const drained = {
    title: 'drained: the old version is retired',
    done: switched && isOver(old),
    step: 'retire',
    of: old,
  }
  return withReason(until === 'retired' ? [...path, drained] : path, keyring.waiting, now)
}

interface Step extends Milestone {
  /** The lifecycle's step behind the gate, and the version that it is about. */
  step?: string
  of?: VersionView | undefined
}

/** Whether the rotation has come as far as it is followed. */
export function isComplete(path: readonly Milestone[]): boolean {
  return path.every((milestone) => milestone.done)
}

/** A version that is out of use in a harder way than by demotion signs no more either. */
function stopped(old: VersionView | undefined): boolean {
  return old === undefined || old.demotedAt !== undefined || isOver(old)
}

function isOver(old: VersionView | undefined): boolean {
  return old === undefined || old.state === 'retired' || old.state === 'revoked'
}

/** Tells of the first milestone that is not reached what it waits for; the later ones have not begun to wait. */
function withReason(path: readonly Step[], waiting: readonly Waiting[], now: number): Milestone[] {
  const due = path.findIndex((milestone) => !milestone.done)
  return path.map(({ title, done, step, of }, index) => {
    const gate = waiting.find((entry) => entry.step === step && (entry.version ?? of?.id) === of?.id)
    return index === due && gate ? { title, done, waiting: gateSentence(gate, now) } : { title, done }
  })
}
