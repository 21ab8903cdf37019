import type { ShownKeyring, ShownVersion, ShownWaiting } from '../administration/shapes.ts'
import { DemoError } from '../error.ts'

/** How long a gate kept something waiting, and for whom. */
export interface GateWait {
  /** What had to wait for it. */
  before: string
  waitedMs: number
  /** Everybody whom it was seen waiting for. */
  for: string[]
}

const gates = {
  activate: 'the new key signs',
  demote: 'the old one is out of use',
  retire: 'the old one is dropped',
} as const

/** Watches one rotation: collects whom its gates wait for, and reads from the versions how long. */
export class GateWatch {
  readonly #old: string
  readonly #parties: Record<keyof typeof gates, Set<string>> = {
    activate: new Set(),
    demote: new Set(),
    retire: new Set(),
  }

  /** @param old the version that is to be replaced */
  constructor(old: string) {
    this.#old = old
  }

  /** Takes in what the keyring is waiting for now; returns the part that is about this rotation. */
  see({ waiting }: ShownKeyring): ShownWaiting[] {
    const about = waiting.filter(({ step, version }) => step === 'activate' || version === this.#old)
    for (const { step, for: parties } of about) {
      if (isGate(step)) for (const party of parties) this.#parties[step].add(party)
    }
    return about
  }

  /** @param requestedAt when the rotation was asked for, ISO 8601 */
  waits({ versions }: ShownKeyring, requestedAt: string): GateWait[] {
    const old = versions.find(({ id }) => id === this.#old)
    const [from, demotion, end] = [time(old, 'retiringAt'), time(old, 'demotedAt'), time(old, 'retiredAt')]
    return [
      this.#wait('activate', Date.parse(requestedAt), from),
      this.#wait('demote', from, demotion),
      this.#wait('retire', demotion, end),
    ]
  }

  #wait(step: keyof typeof gates, from: number, to: number): GateWait {
    return { before: gates[step], waitedMs: Math.max(0, to - from), for: [...this.#parties[step]] }
  }
}

function isGate(step: string): step is keyof typeof gates {
  return step in gates
}

function time(version: ShownVersion | undefined, member: 'retiringAt' | 'demotedAt' | 'retiredAt'): number {
  const iso = version?.[member]
  if (!iso) throw new DemoError('CALL_REFUSED', `the keyring does not tell when the rotation came to ${member}`)
  return Date.parse(iso)
}

/** What closed gates wait for, to follow "waiting": "until 14:05:10 for anonymous readers". */
export function waitingLine(waiting: readonly { for: readonly string[]; opensAt: string | null }[]): string {
  return waiting
    .map(({ for: parties, opensAt }) => {
      const until = opensAt ? `until ${new Date(opensAt).toTimeString().slice(0, 8)} ` : ''
      return `${until}for ${parties.join(', ')}`
    })
    .join('; ')
}
