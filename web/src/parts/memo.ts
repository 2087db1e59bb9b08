import { Component, type ComponentChildren, type FunctionComponent } from 'preact'

/** Makes a component that is rendered anew only when its properties are not the `same` as before. */
export function memo<P extends object>(view: (props: P) => ComponentChildren, same: (was: P, now: P) => boolean = shallowly): FunctionComponent<P> {
  class Memo extends Component<P> {
    override shouldComponentUpdate(next: P): boolean {
      return !same(this.props, next)
    }
    override render(props: P) {
      return view(props)
    }
  }
  return Memo as unknown as FunctionComponent<P>
}

function shallowly(was: object, now: object): boolean {
  return Object.entries(now).every(([key, value]) => value === (was as Record<string, unknown>)[key])
}
