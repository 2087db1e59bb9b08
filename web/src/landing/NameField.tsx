/** Asks for a name. It is the reader's own everywhere, until they change it. */
export function NameField({ name, set, limit, invalid, autofocus = false }: { name: string; set: (name: string) => void; limit: number; invalid?: string | undefined; autofocus?: boolean }) {
  return (
    <label class="field">
      <span class="field-label">Your name</span>
      <input
        name="name" value={name} onInput={event => set(event.currentTarget.value)} dir="auto" required maxLength={limit * 4} autocomplete="nickname" autocapitalize="words"
        spellcheck={false} enterkeyhint="go" autofocus={autofocus} aria-invalid={invalid !== undefined} aria-describedby={invalid === undefined ? undefined : 'name-problem'}
        ref={field => { if (field && autofocus && !field.dataset.seen) { field.dataset.seen = '1'; field.focus() } }}
      />
      {invalid !== undefined && <span class="field-problem" id="name-problem" role="alert">{invalid}</span>}
    </label>
  )
}
