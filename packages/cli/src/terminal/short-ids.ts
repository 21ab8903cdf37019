/** Ids (UUIDs) by their beginning, for lines that have to end somewhere. */
export function shortIds(text: string): string {
  return text.replace(/\b([0-9a-f]{8})(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, '$1…')
}
