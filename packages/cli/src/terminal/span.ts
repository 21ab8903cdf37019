const units = [
  { ms: 86_400_000, sign: 'd' },
  { ms: 3_600_000, sign: 'h' },
  { ms: 60_000, sign: 'm' },
  { ms: 1_000, sign: 's' },
] as const

/** A span as people say it, in its two largest units: "3d 4h", "12m 5s". */
export function span(spanMs: number): string {
  let rest = Math.max(0, Math.round(spanMs / 1000) * 1000)
  const parts: string[] = []
  for (const { ms, sign } of units) {
    const count = Math.floor(rest / ms)
    rest -= count * ms
    if (count > 0) parts.push(`${count}${sign}`)
    else if (parts.length > 0) break
  }
  return parts.slice(0, 2).join(' ') || '0s'
}

/** A moment as seen from now: "3d 4h ago", "in 12m". */
export function fromNow(iso: string, now: number): string {
  const distanceMs = Date.parse(iso) - now
  return distanceMs > 0 ? `in ${span(distanceMs)}` : `${span(-distanceMs)} ago`
}
