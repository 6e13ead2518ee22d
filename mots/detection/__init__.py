"""An image becomes what the tracker is told: detections, refined masks, embeddings, camera motion."""
