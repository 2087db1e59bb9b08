/** Whether this is a touch screen: Enter is a new line there, and a field that
 * takes the focus by itself brings up a keyboard over half of the page. */
export function touching(): boolean {
  return matchMedia('(hover: none) and (pointer: coarse)').matches
}
