import "../styles.js";
import "../panels.css";
import "./graph.css";
import { createRoot } from "react-dom/client";
import { GraphPage } from "./page.jsx";

createRoot(document.getElementById("page")).render(<GraphPage />);
