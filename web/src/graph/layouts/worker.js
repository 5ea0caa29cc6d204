/** Lays nodes out beside the page's main thread; layouts.js has how. */

import { placesOf } from "./layouts.js";

self.onmessage = ({ data: { id, ...asked } }) => self.postMessage({ id, places: placesOf(asked) });
