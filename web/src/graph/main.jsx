import "../styles.js";
import "../panels.css";
import "./colours.css";
import "./graph.css";
import "./beginning.css";
import "./side.css";
import "./narrow.css";
import { createRoot } from "react-dom/client";
import { GraphPage } from "./page.jsx";

createRoot(document.getElementById("page")).render(<GraphPage />);
